// Children for the tests of supervisors: servers that note what happens to them.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "node.hpp"

namespace test {

// What happened, in order: "+a" started, "-a" gone, "!a" terminate was called. A test runs on one thread.
inline std::vector<std::string> seen;

inline std::string seen_text() {
    std::string all;
    for (const auto& s : std::exchange(seen, {})) all += all.empty() ? s : " " + s;
    return all;
}

// Ends with whatever it is told to.
struct end_with {
    beam::term reason;
};

class plain : public beam::gen_server<plain> {
public:
    using arguments = std::tuple<std::string>;
    using casts = beam::messages<end_with>;

    explicit plain(const std::string& name) : name_(name) { seen.push_back("+" + name_); }
    plain(plain&&) = delete;
    ~plain() { seen.push_back("-" + name_); }

    beam::cast_result handle_cast(end_with m) { return beam::stop_with{std::move(m.reason)}; }
    void terminate(const beam::term& reason) { seen.push_back("!" + name_ + ":" + shown(reason)); }

private:
    std::string name_;
};

// Traps exits, so that terminate is called when it is to stop.
class trapping : public beam::gen_server<trapping> {
public:
    using casts = beam::messages<end_with>;

    explicit trapping(const std::string& name) : name_(name) {
        process().trap_exit(true);
        seen.push_back("+" + name_);
    }
    trapping(trapping&&) = delete;
    ~trapping() { seen.push_back("-" + name_); }

    beam::cast_result handle_cast(end_with m) { return beam::stop_with{std::move(m.reason)}; }
    void terminate(const beam::term& reason) { seen.push_back("!" + name_ + ":" + shown(reason)); }

private:
    std::string name_;
};

// Takes its time to stop.
class slow : public beam::gen_server<slow> {
public:
    slow(const std::string& name, int stop_ms) : name_(name), stop_ms_(stop_ms) {
        process().trap_exit(true);
        seen.push_back("+" + name_);
    }
    slow(slow&&) = delete;
    ~slow() { seen.push_back("-" + name_); }

    beam::awaitable<void> terminate(const beam::term&) {
        co_await process().sleep_for(std::chrono::milliseconds(stop_ms_));
        seen.push_back("!" + name_);
    }

private:
    std::string name_;
    int stop_ms_;
};

// Does not start as often as the counter says.
inline int failures_left = 0;

class failing : public beam::gen_server<failing> {
public:
    explicit failing(const std::string& name) : name_(name) {
        if (failures_left > 0) {
            --failures_left;
            seen.push_back("x" + name_);
            beam::exit(beam::atom("broken"));
        }
        seen.push_back("+" + name_);
    }
    failing(failing&&) = delete;
    ~failing() {
        if (!name_.empty()) seen.push_back("-" + name_);
    }

private:
    std::string name_;
};

template <class T = plain>
beam::child_spec spec(const char* name,
                      beam::restart_type restart = beam::restart_type::permanent) {
    return beam::child_spec(beam::atom(name), beam::child<T>(std::string(name)), restart);
}

inline beam::term as_term(const beam::start_result& r) {
    if (!r) return beam::tuple(beam::atoms::error, r.error());
    if (const auto* s = std::get_if<beam::started>(&*r)) {
        if (s->info) return beam::tuple(beam::atoms::ok, s->pid, *s->info);
        return beam::tuple(beam::atoms::ok, s->pid);
    }
    return beam::atoms::ignore;
}

inline beam::term as_term(const beam::outcome<void>& r) {
    return r ? beam::term(beam::atoms::ok) : beam::tuple(beam::atoms::error, r.error());
}

// Waits until everything else has come to rest: virtual time moves only then.
inline auto settle(beam::self s) {
    return s.sleep_for(std::chrono::milliseconds(1));
}

// Starts a supervisor whose exit signals the caller traps.
inline beam::awaitable<beam::pid> start_sup(beam::self s, beam::supervisor_flags flags,
                                            std::vector<beam::child_spec> specs) {
    s.trap_exit(true);
    beam::start_result r = co_await beam::supervisor::start_link(flags, std::move(specs));
    REQUIRE_MESSAGE(r.has_value(), shown(as_term(r)));
    co_return std::get<beam::started>(*r).pid;
}

// A child's pid; the false pid if it has none.
inline beam::awaitable<beam::pid> child_of(beam::pid sup, const char* id) {
    beam::atom name(id);
    auto list = co_await beam::supervisor::which_children(sup);
    for (const auto& c : list)
        if (c.id == name) co_return c.pid.value_or(beam::pid{});
    co_return beam::pid{};
}

// The ids of the children that are running or not, newest first: "c b(-) a(restarting)".
inline beam::awaitable<std::string> children_text(beam::pid sup) {
    auto list = co_await beam::supervisor::which_children(sup);
    std::string all;
    for (const auto& c : list) {
        if (!all.empty()) all += " ";
        all += shown(c.id);
        if (c.restarting)
            all += "(restarting)";
        else if (!c.pid)
            all += "(-)";
    }
    co_return all;
}

// The reason with which a monitored or linked process ended; nothing while it lives.
inline beam::awaitable<std::optional<beam::term>> end_of(beam::self s, beam::pid p) {
    auto e = co_await s.receive_if<beam::exit_message>(
        [p](const beam::exit_message& m) { return m.from == p; }, std::chrono::milliseconds(0));
    if (!e) co_return std::nullopt;
    co_return std::move(e->reason);
}

}  // namespace test
