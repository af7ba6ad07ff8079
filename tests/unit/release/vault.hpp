// Vault, the application of the tests of code_server: loaded in a version, asked, looked for in this OS process.
#pragma once

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "libbeamcore/release/code_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/release/scratch.hpp"

namespace test {

class plain_request : public beam::request {
public:
    explicit plain_request(beam::term params) : params_(std::move(params)) {}
    [[nodiscard]] std::string_view method() const override { return "test"; }
    [[nodiscard]] const beam::term& params() const override { return params_; }
    [[nodiscard]] std::string_view tool() const override { return {}; }
    [[nodiscard]] std::uint32_t uid() const override { return 0; }
    [[nodiscard]] beam::awaitable<void> item(beam::term) override { co_return; }
    void lossy_item(beam::term) override {}

private:
    beam::term params_;
};

/// Calls a method of that version of vault, as a request's process would, in the calling one.
inline beam::awaitable<beam::term> ask(std::shared_ptr<const beam::loaded_module> m,
                                       std::string name, beam::term params = beam::map()) {
    const beam::method_spec* found = m->find_method(name);
    if (!found) beam::exit(beam::tuple("no method", name));
    plain_request r(std::move(params));
    beam::answer a = co_await found->run(r);
    if (!a) beam::exit(beam::tuple(a.error().kind, a.error().why));
    co_return *a;
}

inline beam::term params(beam::pid account, int amount = 0) {
    return beam::map({{beam::term("account"), account}, {beam::term("amount"), amount}});
}

inline beam::term opening(int balance) {
    return beam::map({{beam::term("balance"), balance}});
}

inline std::shared_ptr<const beam::loaded_module> load(std::string_view version) {
    auto& code = beam::code_server::current();
    code.set_folders({modules()});
    auto loaded = code.load("vault", version);
    if (!loaded) beam::exit(beam::tuple(loaded.error().code, loaded.error().detail));
    return *loaded;
}

inline std::size_t mapped_lines(std::string_view what) {
    std::ifstream maps("/proc/self/maps");
    std::size_t n = 0;
    for (std::string line; std::getline(maps, line);) n += line.find(what) != std::string::npos;
    return n;
}

/// Runs a coroutine in a node of its own; what it exits with fails the test.
template <class F>
void in_node(F code) {
    beam::runtime node;
    auto r = node.execute(code);
    CHECK_MESSAGE(r.has_value(), beam::to_string(r ? beam::term() : r.error()));
}

inline std::string shown(const beam::term& t) {
    return beam::to_string(t);
}

inline beam::awaitable<beam::term> exit_reason(beam::pid p) {
    const beam::ref m = beam::monitor(p);
    auto down = co_await beam::this_process().receive_if<beam::down_message>(
        [m](const beam::down_message& d) { return d.monitor == m; });
    co_return down->reason;
}

}  // namespace test
