// Peers that fall silent, do not read, or connect again and again; see also tests/interop/dist_hostile.py.
#include <algorithm>
#include <atomic>
#include <thread>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/raw_peer.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::raw_peer;
using test::run_in;

namespace {

const char* const raw_name = "raw@127.0.0.1";

/// A node at a port that is known, for peers that are none of ours.
struct lone_node {
    explicit lone_node(std::chrono::milliseconds ticktime = 60s, std::size_t busy_limit = 1 << 20)
        : port(test::free_port()),
          node("a", test::free_port(), options_of(port, ticktime, busy_limit)) {}
    static dist::options options_of(std::uint16_t port, std::chrono::milliseconds ticktime,
                                    std::size_t busy_limit = 1 << 20) {
        dist::options o;
        o.listen_port = port;
        o.ticktime = ticktime;
        o.busy_limit = busy_limit;
        return o;
    }
    std::uint16_t port;
    dist_node node;
};

/// Waits until the node has lost that peer. Gives the reason.
term reason_of_loss(dist_node& n, const char* peer) {
    auto r = n->execute(
        [](self me, atom peer) -> awaitable<term> {
            monitor_nodes(true, node_kind::connected);
            const auto up = nodes(node_kind::connected);
            if (std::find(up.begin(), up.end(), peer) == up.end()) co_return atom("lost_already");
            auto m = co_await me.receive<nodedown_message>();
            CHECK(m.node == peer);
            co_return m.reason;
        },
        atom(peer));
    REQUIRE(r.has_value());
    return *r;
}

void await_up(dist_node& n, const char* peer) {
    run_in(
        *n,
        [](self me, atom peer) -> awaitable<void> {
            const auto until = std::chrono::steady_clock::now() + test::patience;
            while (std::chrono::steady_clock::now() < until) {
                const auto up = nodes(node_kind::connected);
                if (std::find(up.begin(), up.end(), peer) != up.end()) co_return;
                co_await me.yield();
            }
            FAIL("it does not come up");
        },
        atom(peer));
}

/// Sends `count` messages `{N, Text}` to the name `reader` on that node; then it is registered as `sent`.
process sender_of(self me, atom to, int count, std::size_t size) {
    register_name(atom("sender"), me.id());
    const std::string text(size, 'x');
    for (int n = 0; n < count; ++n) {
        send(server_ref(atom("reader"), to), tuple(n, text));
        co_await me.yield();
    }
    register_name(atom("sent"), spawn(test::idle));
}

void await_suspended(dist_node& n) {
    run_in(*n, [](self me) -> awaitable<void> {
        const auto until = std::chrono::steady_clock::now() + test::patience;
        while (std::chrono::steady_clock::now() < until) {
            const auto p = whereis(atom("sender"));
            const auto info = p ? process_info(*p) : std::nullopt;
            if (info && info->status == process_status::suspended) co_return;
            CHECK_FALSE(whereis(atom("sent")));
            co_await me.yield();
        }
        FAIL("nobody is suspended");
    });
}

std::uint64_t bytes_waiting(dist_node& n) {
    std::uint64_t bytes = 0;
    run_in(
        *n,
        [](self, std::uint64_t* bytes) -> awaitable<void> {
            for (const auto& p : dist::peers()) *bytes += p.bytes_waiting;
            co_return;
        },
        &bytes);
    return bytes;
}

dist::epmd_alive_request alive_as(const char* name, std::uint16_t port) {
    dist::epmd_alive_request r;
    r.node.name = name;
    r.node.port = port;
    return r;
}

void await_ping(dist_node& n, atom other) {
    run_in(
        *n,
        [](self, atom other) -> awaitable<void> {
            bool there = co_await dist::ping(other);
            CHECK(there);
        },
        other);
}

}  // namespace

TEST_CASE("a peer that falls silent is lost after the tick time, and a quarter more at most") {
    lone_node a(800ms);
    raw_peer raw(raw_name, a.node, a.port);
    const auto begin = std::chrono::steady_clock::now();
    await_up(a.node, raw_name);
    CHECK(reason_of_loss(a.node, raw_name) == atom("net_tick_timeout"));
    const auto spent = std::chrono::steady_clock::now() - begin;
    CHECK(spent >= 600ms);
    CHECK(spent < 3s);  // 1 s, and what a machine at work adds
}

TEST_CASE("a peer that only ticks stays, and is ticked four times in the tick time") {
    lone_node a(800ms);
    raw_peer raw(raw_name, a.node, a.port);
    for (int n = 0; n < 12; ++n) {
        REQUIRE(raw.read_ticks(1));
        REQUIRE(raw.tick());
    }
    await_up(a.node, raw_name);
    CHECK(reason_of_loss(a.node, raw_name) == atom("net_tick_timeout"));
}

TEST_CASE(
    "two nodes that have nothing to say to each other stay connected, also with different tick "
    "times") {
    const auto epmd = test::free_port();
    dist::options quick, slow;
    quick.ticktime = 400ms;
    slow.ticktime = 60s;
    dist_node a("a", epmd, quick), b("b", epmd, slow);
    await_ping(a, b.name());
    run_in(*a, [](self me) -> awaitable<void> {
        monitor_nodes(true, node_kind::connected);
        const message m = co_await me.receive_for(1500ms);
        CHECK_FALSE(m);
    });
    await_ping(b, a.name());
}

TEST_CASE(
    "who sends to a peer that does not read is suspended, goes on when it reads, and loses "
    "nothing") {
    for (const bool fragments : {false, true}) {
        for (const std::size_t size : {10'000, 200'000}) {
            CAPTURE(fragments);
            CAPTURE(size);
            const int count = int(60'000'000 / size);
            lone_node a;
            dist_node other("other", test::free_port());
            raw_peer raw(raw_name, a.node, a.port, fragments);
            a.node->spawn(sender_of, atom(raw_name), count, size);
            await_suspended(a.node);
            CHECK(bytes_waiting(a.node) < 4u << 20);
            int next = 0;
            CHECK(raw.read_until([&](const test::control::message&, const term& t) {
                CHECK(t.elements()[0] == next);
                CHECK(t.elements()[1].as_text()->size() == size);
                return ++next == count;
            }));
            test::await_name(*a.node, "sent");
        }
    }
}

TEST_CASE("what a sender sends behind its large message is held back with it") {
    lone_node a;
    raw_peer raw(raw_name, a.node, a.port, true);
    a.node->spawn([](self me) -> process {
        register_name(atom("sender"), me.id());
        const server_ref to(atom("reader"), atom(raw_name));
        // More than any socket takes at once, and less than the limit; it is of one message, so it is not suspended.
        for (int n = 0; n < 12; ++n) send(to, tuple(n, std::string(900'000, 'x')));
        for (int n = 12; n < 200'000; ++n) {
            send(to, tuple(n, std::string()));
            co_await me.yield();
        }
        register_name(atom("sent"), spawn(test::idle));
    });
    await_suspended(a.node);
    int next = 0;
    CHECK(raw.read_until([&](const test::control::message&, const term& t) {
        if (t.elements()[0] != next) FAIL("out of order");
        return ++next == 200'000;
    }));
    test::await_name(*a.node, "sent");
}

TEST_CASE("who sends to a node that is being connected to is held back, too") {
    // Who registers as a node, and lets connect and says nothing.
    const auto epmd = test::free_port();
    dist_node a("a", epmd);
    test::tcp_listener mute;
    mute.listen();
    test::tcp_client registered(epmd);
    REQUIRE(registered.send(dist::encode_epmd_request(alive_as("mute", mute.port()))));
    REQUIRE(registered.has_news());
    a->spawn(sender_of, atom("mute@127.0.0.1"), 100'000, std::size_t(10));
    await_suspended(a);
    CHECK(bytes_waiting(a) < 8u << 20);
    // The attempt fails, and with it all others.
    registered.close();
    mute.close();
    test::await_name(*a, "sent");
}

TEST_CASE(
    "a connection that was put off for a peer which connects itself, and breaks off, is made after "
    "all") {
    lone_node a;
    // The name is greater than a's, so its own attempts go before.
    const auto offer = [&](test::tcp_client& c) {
        dist::handshake_options o;
        o.own_name = raw_name;
        o.creation = 1;
        o.cookie = "secret";
        auto h = dist::handshake::initiator(o, std::string(a.node.name().name()));
        REQUIRE(c.send(h.take_output()));
        REQUIRE_FALSE(c.read_some().empty());  // it is answered, and waited for
    };
    test::tcp_client first(a.port), second(a.port);
    offer(first);
    a.node->spawn([](self me) -> process {
        (void)monitor(server_ref(atom("nobody"), atom(raw_name)));
        register_name(atom("watching"), me.id());
        auto down = co_await me.receive<down_message>();
        CHECK(down.reason == atoms::noconnection);
        register_name(atom("told"), spawn(test::idle));
    });
    test::await_name(*a.node, "watching");
    offer(second);
    first.close();
    second.close();
    // Nobody of that name is to be found, which the watcher is told.
    run_in(*a.node, [](self me) -> awaitable<void> {
        const auto until = std::chrono::steady_clock::now() + test::patience;
        while (!whereis(atom("told"))) {
            if (std::chrono::steady_clock::now() > until) FAIL("the watcher is not told");
            co_await me.sleep_for(1ms);
        }
    });
}

TEST_CASE(
    "a peer that asks and does not read is answered when it does: the channel itself is never held "
    "back") {
    lone_node a;
    raw_peer raw(raw_name, a.node, a.port);
    constexpr std::uint32_t count = 100'000;
    // Written by a thread, as the node may read no faster than it can.
    std::thread asks([&] {
        for (std::uint32_t at = 0; at < count;) {
            std::string out;
            for (int n = 0; n < 1000; ++n, ++at)
                raw.append(out, test::control::link{{at, 0, 0}, raw.there(0x7fffffff, at)});
            CHECK(raw.send_bytes(out));
        }
    });
    asks.join();
    std::uint32_t next = 0;
    CHECK(raw.read_until([&](const test::control::message& m, const term&) {
        const auto* e = std::get_if<test::control::link_exit>(&m);
        REQUIRE(e);
        if (e->reason != atoms::noproc || e->to.id != next) FAIL("not the next answer");
        return ++next == count;
    }));
    dist_node other("other", test::free_port());
    await_up(a.node, raw_name);
}

TEST_CASE("a peer that asks without end and never reads is closed") {
    lone_node a(60s, 64 << 10);
    raw_peer raw(raw_name, a.node, a.port);
    await_up(a.node, raw_name);
    std::thread asks([&] {
        std::string out;
        for (std::uint32_t n = 0; n < 10'000; ++n)
            raw.append(out, test::control::link{{n, 0, 0}, raw.there(0x7fffffff, n)});
        for (int turns = 0; turns < 1000; ++turns)
            if (!raw.send_bytes(out)) return;
        FAIL_CHECK("it may ask for ever");
    });
    const term reason = reason_of_loss(a.node, raw_name);
    CHECK((reason == atom("peer_does_not_read") || reason == atom("lost_already")));
    asks.join();
    CHECK(bytes_waiting(a.node) == 0);
}

TEST_CASE(
    "a peer that ticks and never reads is closed after the tick time, and who sent to it goes on") {
    lone_node a(400ms);
    raw_peer raw(raw_name, a.node, a.port);
    await_up(a.node, raw_name);
    std::atomic<bool> over{false};
    std::thread ticks([&] {
        while (!over) {
            if (!raw.tick()) return;
            std::this_thread::sleep_for(20ms);  // the pace of a peer that lives
        }
    });
    a.node->spawn(sender_of, atom(raw_name), 3000, std::size_t(10'000));
    await_suspended(a.node);
    CHECK(reason_of_loss(a.node, raw_name) == atom("peer_does_not_read"));
    over = true;
    ticks.join();
    // It is found no more, but goes on: to a node that is not there everything is lost.
    test::await_name(*a.node, "sent");
}

TEST_CASE("a slow peer harms no other one: net_kernel answers, and other nodes are served") {
    const auto epmd = test::free_port();
    const auto port = test::free_port();
    dist_node a("a", epmd, lone_node::options_of(port, 60s)), b("b", epmd);
    raw_peer raw(raw_name, a, port);
    a->spawn(sender_of, atom(raw_name), 10'000, std::size_t(10'000));
    await_suspended(a);
    // Pings by a peer that does not read the answers.
    std::string pings;
    for (std::uint32_t n = 0; n < 20'000; ++n)
        raw.append(pings, test::control::reg_send{{1, 0, 0}, atom("net_kernel")},
                   tuple(atom("$gen_call"), tuple(pid{1, 0, 0}, ref{0, {n, 1, 1}}),
                         tuple(atom("is_auth"), atom(raw_name))));
    CHECK(raw.send_bytes(pings));
    for (int n = 0; n < 20; ++n) {
        await_ping(b, a.name());
        await_ping(a, b.name());
    }
}
