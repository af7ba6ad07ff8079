// A node in this process on which kv runs alone: its tree, its folders, and a cluster of one.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/unit/store/world.hpp"
#include "tools/kv/app/application.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/names.hpp"

namespace test {

/// Runs `code` in one life of the node that has `where`; the application runs. What it exits with fails the test.
template <class F, class... Args>
void in_kv_node(const folder& where, F code, Args... args) {
    ::setenv("BEAM_KV_ENGINE", beam::store::to_string(engine()).c_str(), 1);
    beam::runtime_options o;
    o.schedulers = 2;
    beam::runtime node(o);
    beam::node_facts facts;
    facts.name = "solo";
    facts.store_folder = where / "state/solo";
    facts.socket = where / "run/solo.sock";
    std::filesystem::create_directories(facts.store_folder);
    std::filesystem::create_directories(facts.socket.parent_path());
    beam::set_node_facts(node, facts);
    auto done = node.execute(
        [code](beam::self me, Args... all) -> beam::awaitable<void> {
            beam::start_result started = co_await kv::kv_app::start(beam::nil);
            const beam::outcome<beam::pid> tree = beam::started_pid(std::move(started));
            REQUIRE_MESSAGE(tree.has_value(), beam::to_string(tree ? beam::term() : tree.error()));
            auto running = code(me, std::move(all)...);
            co_await std::move(running);
            // In order, so that the next life finds nobody in its place.
            me.trap_exit(true);
            const beam::ref gone = beam::monitor(*tree);
            beam::exit(*tree, beam::atoms::shutdown);
            (void)co_await me.receive_if<beam::down_message>(
                [gone](const beam::down_message& m) { return m.monitor == gone; });
        },
        std::move(args)...);
    CHECK_MESSAGE(done.has_value(), beam::to_string(done ? beam::term() : done.error()));
}

/// The cluster of this node alone.
inline beam::awaitable<void> found_cluster(std::uint32_t shards = 8, std::uint32_t copies = 1,
                                           std::uint32_t min_isr = 1) {
    kv::founding what;
    what.nodes = {std::string(beam::node().name())};
    what.shards = shards;
    what.copies = copies;
    what.min_isr = min_isr;
    auto founding = kv::keeper::found(std::move(what));
    const beam::outcome<bool> made = co_await founding;
    REQUIRE_MESSAGE(made.has_value(), beam::to_string(made ? beam::term() : made.error()));
}

/// `ok`, or what failed, as Erlang writes it.
template <class T>
std::string shown(const beam::outcome<T>& o) {
    return o ? "ok" : beam::to_string(o.error());
}

inline beam::awaitable<std::string> put(std::string key, std::string value,
                                        kv::change_options o = {}) {
    auto putting = kv::put(std::move(key), std::move(value), o);
    const beam::outcome<kv::written> done = co_await putting;
    co_return shown(done);
}

/// The value, or what failed.
inline beam::awaitable<std::string> get(std::string key) {
    auto getting = kv::get(std::move(key));
    const beam::outcome<kv::found> found = co_await getting;
    co_return found ? found->value : beam::to_string(found.error());
}

/// Kills the process of that name, and waits until others have its name and the router's.
inline beam::awaitable<void> kill_and_await_restart(beam::self me, beam::atom name) {
    const auto deadline = beam::monotonic_time() + std::chrono::seconds(30);
    const beam::pid old = *beam::whereis(name);
    const beam::ref monitor = beam::monitor(old);
    beam::exit(old, beam::atoms::kill);
    (void)co_await me.receive_if<beam::down_message>(
        [monitor](const beam::down_message& m) { return m.monitor == monitor; });
    while (beam::monotonic_time() < deadline) {
        const auto now = beam::whereis(name);
        if (now && *now != old && beam::whereis(kv::router_name())) co_return;
        co_await me.yield();
    }
    FAIL("it was not started again");
}

}  // namespace test
