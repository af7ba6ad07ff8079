// Running a test as a process of a deterministic node.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace test {

/// Runs `code(self)` in a node of its own with virtual time; what it exits with fails the test.
template <class F>
void in_node(F code, std::uint64_t seed = 1) {
    beam::runtime_options o;
    o.deterministic = true;
    o.seed = seed;
    beam::runtime node(o);
    auto r = node.execute(code);
    CAPTURE(seed);
    CHECK_MESSAGE(r.has_value(), beam::to_string(r ? beam::term() : r.error()));
}

/// Shows a term as Erlang does, for comparing.
inline std::string shown(const beam::term& t) {
    return beam::to_string(t);
}

/// Element `i` of a tuple, counted from 1 as in Erlang.
inline beam::term element(std::size_t i, const beam::term& t) {
    auto e = t.elements();
    return i <= e.size() ? e[i - 1] : beam::term(beam::atom("no_such_element"));
}

/// Collects what is logged as long as it lives.
class log_capture {
public:
    log_capture() {
        beam::set_log_sink([this](const beam::log_event& e) {
            std::lock_guard guard(lock_);
            events_.push_back(e);
        });
    }
    ~log_capture() { beam::set_log_sink({}); }

    std::size_t count(std::string_view message) const {
        std::lock_guard guard(lock_);
        std::size_t n = 0;
        for (const auto& e : events_) n += e.message == message;
        return n;
    }
    std::string field(std::string_view message, std::string_view key) const {
        std::lock_guard guard(lock_);
        for (const auto& e : events_)
            if (e.message == message)
                for (const auto& f : e.fields)
                    if (f.key == key) return f.value;
        return "";
    }

private:
    mutable std::mutex lock_;
    std::vector<beam::log_event> events_;
};

}  // namespace test
