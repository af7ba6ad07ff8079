// Two nodes that connect to each other at once, and lose each other, again and again.
#include <algorithm>
#include <string>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::run_in;

namespace {

constexpr int messages_a_round = 5;

/// Counts what comes: `{Round, N}` in order; `{wait, Pid, Round}` is answered when all of that round have come.
process sink(self me) {
    register_name(atom("sink"), me.id());
    int round = 0, next = 0;
    for (;;) {
        term t = co_await me.receive<term>();
        const auto e = t.elements();
        if (e.size() == 2) {
            if (e[0] != round) {
                round = int(*e[0].as_int64());
                next = 0;
            }
            if (e[1] != next)
                FAIL_CHECK("round " << round << ": a message is lost before " << to_string(t));
            ++next;
        } else if (e.size() == 3) {
            while (round != e[2].as_int64() || next < messages_a_round) {
                term more = co_await me.receive<term>();
                const auto m = more.elements();
                if (m[0] != round) {
                    round = int(*m[0].as_int64());
                    next = 0;
                }
                if (m[1] != next) FAIL_CHECK("round " << round << ": a message is lost");
                ++next;
            }
            send(*e[1].as_pid(), atom("all"));
        }
    }
}

/// Connects, and sends a round's messages when that is done.
process meet(self, atom other, int round) {
    bool there = co_await dist::connect(other);
    if (!there) FAIL_CHECK("round " << round << ": no connection");
    for (int n = 0; n < messages_a_round; ++n)
        send(server_ref(atom("sink"), other), tuple(round, n));
}

void await_round(dist_node& n, int round) {
    run_in(
        *n,
        [](self me, int round) -> awaitable<void> {
            send(server_ref(atom("sink")), tuple(atom("wait"), me.id(), round));
            const message m = co_await me.receive_for(20s);
            if (!m) FAIL("round " << round << ": messages are lost");
        },
        round);
}

void await_apart(dist_node& n, atom other) {
    run_in(
        *n,
        [](self me, atom other) -> awaitable<void> {
            const auto until = std::chrono::steady_clock::now() + test::patience;
            while (is_connected(other)) {
                if (std::chrono::steady_clock::now() > until) FAIL("they do not part");
                co_await me.yield();
            }
        },
        other);
}

/// Ends when it is told.
process watched(self me) {
    register_name(atom("watched"), me.id());
    (void)co_await me.receive<term>();
}

}  // namespace

TEST_CASE(
    "two nodes that connect to each other at once have one connection, and lose no message sent by "
    "it") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    a->spawn(sink);
    b->spawn(sink);
    test::await_name(*a, "sink");
    test::await_name(*b, "sink");
    const int rounds = 20 * int(test::seed_count());
    for (int round = 1; round <= rounds; ++round) {
        CAPTURE(round);
        a->spawn(meet, b.name(), round);
        b->spawn(meet, a.name(), round);
        await_round(a, round);
        await_round(b, round);
        // Either side ends it, in turn.
        auto& ending = round % 2 == 0 ? a : b;
        run_in(
            *ending,
            [](self, atom other) -> awaitable<void> {
                CHECK(disconnect_node(other));
                co_return;
            },
            round % 2 == 0 ? b.name() : a.name());
        await_apart(a, b.name());
        await_apart(b, a.name());
    }
}

TEST_CASE(
    "a connection that is lost again and again: each monitor is told once, each watcher hears the "
    "same") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    b->spawn(watched);
    test::await_name(*b, "watched");
    // On b somebody cuts, as fast as it can.
    const pid cutter = b->spawn(
        [](self me, atom a) -> process {
            for (;;) {
                disconnect_node(a);
                const message stop = co_await me.receive_for(1ms);
                if (stop) co_return;
            }
        },
        a.name());
    run_in(
        *a,
        [](self me, atom b) -> awaitable<void> {
            monitor_nodes(true, node_kind::connected);
            const server_ref there(atom("watched"), b);
            int ups = 0, downs = 0;
            for (int round = 0; round < 300; ++round) {
                std::vector<ref> monitors;
                for (int n = 0; n < 3; ++n) monitors.push_back(monitor(there));
                while (!monitors.empty()) {
                    message m = co_await me.receive_for(20s);
                    REQUIRE(m);
                    if (m.is<nodeup_message>()) ++ups;
                    if (m.is<nodedown_message>()) ++downs;
                    if (ups < downs || ups > downs + 1) FAIL("news of nodes are out of order");
                    auto* down = m.get_if<down_message>();
                    if (!down) continue;
                    CHECK(down->reason == atoms::noconnection);
                    const auto at = std::find(monitors.begin(), monitors.end(), down->monitor);
                    if (at == monitors.end()) FAIL("a monitor is told twice");
                    monitors.erase(at);
                }
            }
            CHECK(ups > 0);
        },
        b.name());
    b->send(cutter, atom("stop"));
    // What is left is a pair of nodes like any other.
    for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}})
        run_in(
            **from,
            [](self, atom other) -> awaitable<void> {
                bool there = co_await dist::ping(other);
                if (!there) there = co_await dist::ping(other);  // the last cut may come in between
                CHECK(there);
                CHECK(is_connected(other));
            },
            to->name());
}
