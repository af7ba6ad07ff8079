#include "libbeamcore/dist/distribution.hpp"

#include <barrier>
#include <memory>
#include <string>
#include <thread>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::run_in;

namespace {

struct get {
    using reply = int;
    BEAM_FIELDS(get)
};
struct add {
    int n;
    BEAM_FIELDS(add, n)
};

struct who {
    using reply = pid;
    BEAM_FIELDS(who)
};

class counter : public gen_server<counter> {
public:
    using calls = messages<get, who>;
    pid handle_call(who) { return id(); }
    using casts = messages<add>;
    int handle_call(get) { return n_; }
    void handle_cast(add m) { n_ += m.n; }

private:
    int n_ = 0;
};

process echo(self me) {
    register_name(atom("echo"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        auto e = t.elements();
        if (e.size() == 2) send(*e[0].as_pid(), tuple(atom("echo"), e[1]));
    }
}

process start_counter(self me) {
    (void)start_link<counter>(server_options(server_name(atom("counter"))));
    co_await me.sleep_for(infinity{});
}

void await_name(dist_node& n, const char* name) {
    test::await_name(*n, name);
}

}  // namespace

TEST_CASE("two nodes ping each other, and know each other afterwards") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    run_in(
        *a,
        [](self, atom b) -> awaitable<void> {
            bool there = co_await dist::ping(b);
            CHECK(there);
            CHECK(nodes(node_kind::connected) == std::vector<atom>{b});
            there = co_await dist::ping(atom("nobody@127.0.0.1"));
            CHECK_FALSE(there);
            there = co_await dist::connect(b);
            CHECK(there);
            CHECK(node() == atom("a@127.0.0.1"));
        },
        b.name());
    run_in(
        *b,
        [](self, atom a) -> awaitable<void> {
            bool there = co_await dist::ping(a);
            CHECK(there);
        },
        a.name());
}

TEST_CASE("a node with another cookie is refused") {
    const auto epmd = test::free_port();
    dist::options o;
    o.cookie = "other";
    dist_node a("a", epmd), b("b", epmd, o);
    run_in(
        *a,
        [](self, atom b) -> awaitable<void> {
            bool there = co_await dist::ping(b);
            CHECK_FALSE(there);
            CHECK(nodes(node_kind::connected).empty());
        },
        b.name());
}

TEST_CASE("two nodes that connect with each other at once have one connection, and lose none") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    const auto meet = [](self me, atom other) -> awaitable<void> {
        monitor_nodes(true, node_kind::connected);
        const bool there = co_await dist::connect(other);
        CHECK(there);
        // Whatever there is to come of it has come when a call has been there and back.
        const bool answers = co_await dist::ping(other);
        CHECK(answers);
        const auto lost = co_await me.receive_for<nodedown_message>(0ms);
        CHECK_FALSE(lost);
        CHECK(nodes(node_kind::connected) == std::vector<atom>{other});
    };
    const auto part = [](self me, atom other) -> awaitable<void> {
        (void)disconnect_node(other);
        const auto end = monotonic_time() + test::patience;
        while (is_connected(other) && monotonic_time() < end) co_await me.yield();
        CHECK_FALSE(is_connected(other));
    };
    for (int i = 0; i < 200; ++i) {
        std::barrier together(2);
        std::thread at_b([&] {
            together.arrive_and_wait();
            run_in(*b, meet, a.name());
        });
        together.arrive_and_wait();
        run_in(*a, meet, b.name());
        at_b.join();
        run_in(*a, part, b.name());
        run_in(*b, part, a.name());
    }
}

TEST_CASE("messages, typed calls and casts between nodes, in order") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    b->spawn(echo);
    b->spawn(start_counter);
    await_name(b, "echo");
    await_name(b, "counter");
    run_in(
        *a,
        [](self me, atom b) -> awaitable<void> {
            const server_ref e(atom("echo"), b), c(atom("counter"), b);
            for (int i = 0; i < 10000; ++i) send(e, tuple(me.id(), i));
            for (int i = 0; i < 10000; ++i) {
                term t = co_await me.receive<term>();
                if (t != tuple(atom("echo"), i)) FAIL("out of order");
            }
            for (int i = 1; i <= 100; ++i) cast<add>(c, i);
            int sum = co_await call<get>(c);
            CHECK(sum == 5050);
            // A large one, and a small one after it.
            const std::string large(3'000'000, 'x');
            send(e, tuple(me.id(), large));
            send(e, tuple(me.id(), 1));
            term t = co_await me.receive<term>();
            CHECK(t == tuple(atom("echo"), large));
            t = co_await me.receive<term>();
            CHECK(t == tuple(atom("echo"), 1));
        },
        b.name());
}

TEST_CASE("LINK-09, MON-14, MON-15: a lost connection is told to all concerned") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    b->spawn(start_counter);
    await_name(b, "counter");
    a->spawn(
        [](self me, atom b) -> process {
            me.trap_exit(true);
            (void)co_await dist::connect(b);
            monitor_node(b);
            const server_ref c(atom("counter"), b);
            auto asked = call<who>(c);
            const pid p = co_await asked;
            const ref m = monitor(c);
            link(p);
            (void)co_await call<get>(c);  // both are known there
            register_name(atom("ready"), spawn(test::idle));
            auto exit = co_await me.receive<exit_message>();
            CHECK(exit.from == p);
            CHECK(exit.reason == atoms::noconnection);
            auto down = co_await me.receive<down_message>();
            CHECK(down.monitor == m);
            CHECK(down.reason == atoms::noconnection);
            auto node = co_await me.receive<nodedown_message>();
            CHECK(node.node == b);
            CHECK(nodes(node_kind::connected).empty());
            // The next signal connects again; the counter was linked, and is gone.
            auto again = send_request(c, get{});
            outcome<int> r = co_await again.outcome();
            CHECK(r.error().elements()[0] == atoms::noproc);
            CHECK(nodes(node_kind::connected) == std::vector<atom>{b});
            register_name(atom("done"), spawn(test::idle));
        },
        b.name());
    await_name(a, "ready");
    run_in(
        *b,
        [](self, atom a) -> awaitable<void> {
            CHECK(disconnect_node(a));
            co_return;
        },
        a.name());
    await_name(a, "done");
}

TEST_CASE("GS-03: a call to a node that is gone fails with nodedown") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    run_in(
        *a,
        [](self, atom b) -> awaitable<void> {
            bool there = co_await dist::ping(b);
            CHECK(there);
        },
        b.name());
    b.die();
    run_in(
        *a,
        [](self, atom b) -> awaitable<void> {
            auto f = send_request(server_ref(atom("counter"), b), get{});
            outcome<int> r = co_await f.outcome();
            CHECK(r.error().elements()[0] == tuple(atoms::nodedown, b));
        },
        b.name());
}

TEST_CASE("rpc runs functions of the table on another node, and nothing else") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    run_in(*b, [](self) -> awaitable<void> {
        dist::export_plain_function(atom("m"), atom("twice"), 1, [](std::span<const term> args) {
            auto n = args[0].as_int64();
            if (!n) raise(atoms::badarg);
            return term(*n * 2);
        });
        dist::export_plain_function(atom("m"), atom("leave"), 0,
                                    [](std::span<const term>) -> term { exit(atom("gone")); });
        co_return;
    });
    run_in(
        *a,
        [](self, atom b) -> awaitable<void> {
            auto twice = dist::rpc_call(b, atom("m"), atom("twice"), {21});
            outcome<term> r = co_await twice;
            CHECK(*r == 42);
            auto bad = dist::rpc_call(b, atom("m"), atom("twice"), {atom("x")});
            r = co_await bad;
            CHECK(r.error().elements()[0] == atoms::error);
            CHECK(r.error().elements()[1] == atoms::badarg);
            auto leave = dist::rpc_call(b, atom("m"), atom("leave"), {});
            r = co_await leave;
            CHECK(r.error() == tuple(atoms::exit, atom("gone")));
            auto none = dist::rpc_call(b, atom("os"), atom("cmd"), {term("ls")});
            r = co_await none;
            CHECK(r.error().elements()[1] == atoms::undef);
            auto nowhere = dist::rpc_call(atom("x@127.0.0.1"), atom("m"), atom("twice"), {21});
            r = co_await nowhere;
            CHECK(r.error() == tuple(atoms::nodedown, atom("x@127.0.0.1")));
        },
        b.name());
}

TEST_CASE("a process is spawned on another node, and linked before it runs") {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    for (dist_node* n : {&a, &b})
        run_in(**n, [](self) -> awaitable<void> {
            dist::export_function(atom("m"), atom("tell"), 2,
                                  [](self me, std::vector<term> args) -> awaitable<term> {
                                      send(*args[0].as_pid(), tuple(me.id(), node()));
                                      co_return co_await me.receive<term>();
                                  });
            dist::export_plain_function(atom("m"), atom("leave"), 1,
                                        [](std::span<const term> args) -> term { exit(args[0]); });
            co_return;
        });
    run_in(
        *a,
        [](self me, atom b) -> awaitable<void> {
            me.trap_exit(true);
            for (const atom where : {b, node()}) {
                std::vector<term> args(2);
                args[0] = me.id();
                auto plain = dist::spawn_on(where, atom("m"), atom("tell"), args);
                outcome<pid> made = co_await plain;
                REQUIRE(made);
                term told = co_await me.receive<term>();
                CHECK(told == tuple(*made, where));
                exit(*made, atoms::kill);  // not linked: nothing comes
                std::vector<term> reason(1, atom("why"));
                auto linked = dist::spawn_link_on(where, atom("m"), atom("leave"), reason);
                made = co_await linked;
                REQUIRE(made);
                auto gone = co_await me.receive<exit_message>();
                CHECK(gone.from == *made);
                CHECK(gone.reason == atom("why"));
                auto unknown = dist::spawn_link_on(where, atom("m"), atom("none"), reason);
                made = co_await unknown;
                REQUIRE(made);
                gone = co_await me.receive<exit_message>();
                CHECK(gone.reason.elements()[0] == atoms::undef);
            }
            auto nowhere = dist::spawn_on(atom("x@127.0.0.1"), atom("m"), atom("tell"), {});
            outcome<pid> none = co_await nowhere;
            CHECK(none.error() == tuple(atoms::nodedown, atom("x@127.0.0.1")));
        },
        b.name());
}
