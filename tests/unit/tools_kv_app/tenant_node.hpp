// A node of a test for an application that keeps something in kv, or, without a cluster, on its own disk.
#pragma once

#include <chrono>
#include <utility>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tests/support/world.hpp"
#include "tests/unit/tools_kv_app/kv_node.hpp"
#include "tools/kv/app/kv.hpp"

namespace test {

/// kv runs here and has a cluster of this node.
inline beam::awaitable<void> await_cluster(beam::self me) {
    for (int i = 0; i < 10'000; ++i) {
        auto finding = kv::find_leader("any");
        const beam::outcome<beam::outcome<kv::leader>> found = co_await finding.outcome();
        if (found && *found && kv::has_cluster_here()) co_return;
        co_await me.sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("there is no cluster");
}

/// Runs `code(self, args...)` in a node with that folder, and with a cluster of its own or without kv.
template <bool WithKv, class F, class... Args>
void in_tenant_node(const folder& f, F code, Args... args) {
    if constexpr (WithKv) {
        in_kv_node(
            f,
            [](beam::self me, F inner, Args... all) -> beam::awaitable<void> {
                if (!kv::has_cluster_here()) co_await found_cluster();
                co_await await_cluster(me);
                auto running = inner(me, std::move(all)...);
                co_await std::move(running);
            },
            code, std::move(args)...);
    } else {
        beam::runtime_options o;
        o.schedulers = 2;
        beam::runtime node(o);
        beam::node_facts facts;
        facts.store_folder = f.path();
        beam::set_node_facts(node, facts);
        run_in(node, code, std::move(args)...);
    }
}

/// Ends a supervisor that this process is linked to in good order.
inline beam::awaitable<void> end_tree(beam::self me, beam::pid tree) {
    const beam::ref ends = beam::monitor(tree);
    beam::unlink(tree);
    beam::exit(tree, beam::atoms::shutdown);
    co_await me.receive_if<beam::down_message>(
        [ends](const beam::down_message& m) { return m.monitor == ends; });
}

inline beam::awaitable<void> kill_and_wait(beam::self me, beam::pid victim) {
    const beam::ref ends = beam::monitor(victim);
    beam::exit(victim, beam::atoms::kill);
    co_await me.receive_if<beam::down_message>(
        [ends](const beam::down_message& m) { return m.monitor == ends; });
}

}  // namespace test
