#include "libbeamcore/runtime/nodes.hpp"

#include <optional>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/two_nodes.hpp"

using namespace beam;
using namespace test;

namespace {

const server_ref at_b(const char* name) {
    return server_ref(atom(name), two_nodes::id_b.name);
}

// Sends back what it gets, as `{echo, Term}` to the pid in `{From, Term}`.
process echo(self me) {
    register_name(atom("echo"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        auto e = t.elements();
        if (e.size() == 2) send(*e[0].as_pid(), tuple(atom("echo"), e[1]));
    }
}

// Answers OTP's calls, which it reads by itself.
process squares(self me) {
    register_name(atom("squares"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        if (!t.is_tagged(atoms::gen_call, 3)) continue;
        auto e = t.elements();
        auto caller = e[1].elements();
        from f{*caller[0].as_pid(), {}, caller[1]};
        // `square` may come with its fields by name or in order.
        term n = e[2].is_tagged(atom("square"), 2) ? e[2].elements()[1] : term(0);
        if (n.is_map()) n = *n.map_find(atom("n"));
        if (n == term(0)) exit(atom("zero"));
        reply(f, *n.as_int64() * *n.as_int64());
    }
}

struct square {
    using reply = std::int64_t;
    std::int64_t n;
    BEAM_FIELDS(square, n)
};

// A process of `b` that exits with the first term it gets, as `a` knows it.
pid ender(two_nodes& n) {
    return n.in_a(n.b.spawn([](self me) -> process {
        term reason = co_await me.receive<term>();
        exit(reason);
    }));
}

}  // namespace

TEST_CASE("a node has no name and no peers without a carrier") {
    simulated([](self me) -> awaitable<void> {
        CHECK(node() == atoms::nonode_at_nohost);
        CHECK(node(me.id()) == atoms::nonode_at_nohost);
        CHECK(nodes(node_kind::connected).empty());
        CHECK_FALSE(disconnect_node(atom("b@here")));
        co_return;
    });
}

TEST_CASE("PROC-16: a message to {Name, Node} that nobody reaches is dropped") {
    simulated([](self me) -> awaitable<void> {
        send(server_ref(atom("x"), atom("nobody@nowhere")), 1);
        CHECK(mailbox(me) == list({}));
        co_return;
    });
    two_nodes n;
    run_in(n.a, [](self) -> awaitable<void> {
        send(at_b("not_there"), 1);
        co_return;
    });
}

TEST_CASE("messages reach another node by name and by pid, in order") {
    two_nodes n;
    n.b.spawn(echo);
    await_name(n.b, "echo");
    run_in(n.a, [](self me) -> awaitable<void> {
        CHECK(node() == two_nodes::id_a.name);
        CHECK(nodes() == std::vector<atom>{two_nodes::id_b.name});
        for (int i = 0; i < 1000; ++i) send(at_b("echo"), tuple(me.id(), i));
        for (int i = 0; i < 1000; ++i) {
            term t = co_await me.receive<term>();
            CHECK(t == tuple(atom("echo"), i));
        }
    });
}

TEST_CASE("a call to another node is answered, and fails as in OTP") {
    two_nodes n;
    const pid server = n.in_a(n.b.spawn(squares));
    await_name(n.b, "squares");
    run_in(
        n.a,
        [](self, pid p) -> awaitable<void> {
            CHECK(node(p) == two_nodes::id_b.name);
            auto by_name = co_await call<square>(at_b("squares"), std::int64_t(7));
            CHECK(by_name == 49);
            auto by_pid = co_await call<square>(p, std::int64_t(8));
            CHECK(by_pid == 64);
            // GS-03
            auto missing = send_request(at_b("nobody"), square{1});
            outcome<std::int64_t> r = co_await missing.outcome();
            CHECK(r.error().elements()[0] == atoms::noproc);
            auto killing = send_request(p, square{0});
            r = co_await killing.outcome();
            CHECK(r.error().elements()[0] == atom("zero"));
        },
        server);
}

TEST_CASE("GS-03: a call to a node that cannot be reached exits with nodedown") {
    simulated([](self) -> awaitable<void> {
        auto f = send_request(server_ref(atom("x"), atom("nobody@nowhere")), square{1});
        outcome<std::int64_t> r = co_await f.outcome();
        CHECK(r.error().elements()[0] == tuple(atoms::nodedown, atom("nobody@nowhere")));
    });
}

TEST_CASE("a monitor of a process on another node tells its reason, by pid and by name") {
    two_nodes n;
    const pid by_pid = ender(n);
    n.b.spawn([](self me) -> process {
        register_name(atom("mortal"), me.id());
        term reason = co_await me.receive<term>();
        exit(reason);
    });
    await_name(n.b, "mortal");
    run_in(
        n.a,
        [](self me, pid p) -> awaitable<void> {
            const ref a = monitor(p);
            send(p, term(atom("bye")));
            auto d = co_await me.receive<down_message>();
            CHECK(d.monitor == a);
            CHECK(d.pid() == p);
            CHECK(d.reason == atom("bye"));
            const ref b = monitor(at_b("mortal"));
            send(at_b("mortal"), term(atom("ciao")));
            d = co_await me.receive<down_message>();
            CHECK(d.monitor == b);
            CHECK(d.object == tuple(atom("mortal"), two_nodes::id_b.name));
            CHECK(d.reason == atom("ciao"));
            // Dead and unknown ones, at once.
            const ref c = monitor(p);
            d = co_await me.receive<down_message>();
            CHECK(d.monitor == c);
            CHECK(d.reason == atoms::noproc);
            monitor(at_b("mortal"));
            d = co_await me.receive<down_message>();
            CHECK(d.reason == atoms::noproc);
        },
        by_pid);
}

TEST_CASE("a monitor of another node that was taken back tells nothing") {
    two_nodes n;
    const pid p = ender(n);
    run_in(
        n.a,
        [](self me, pid p) -> awaitable<void> {
            const ref gone = monitor(p), stays = monitor(p);
            demonitor(gone);
            send(p, term(atom("bye")));
            auto d = co_await me.receive<down_message>();
            CHECK(d.monitor == stays);
            CHECK(mailbox(me) == list({}));
        },
        p);
}

TEST_CASE("links between nodes carry exits both ways") {
    two_nodes n;
    const pid dies = ender(n), lives = ender(n);
    run_in(
        n.a,
        [](self me, pid p, pid q) -> awaitable<void> {
            me.trap_exit(true);
            link(p);
            send(p, term(atom("broken")));
            auto e = co_await me.receive<exit_message>();
            CHECK(e.from == p);
            CHECK(e.reason == atom("broken"));
            link(p);  // dead by now
            e = co_await me.receive<exit_message>();
            CHECK(e.reason == atoms::noproc);
            // The other way: one that is linked to q takes it along.
            const ref watch = monitor(q);
            spawn(
                [](self, pid q) -> process {
                    link(q);
                    exit(atom("together"));
                    co_return;
                },
                q);
            auto d = co_await me.receive<down_message>();
            CHECK(d.monitor == watch);
            CHECK(d.reason == atom("together"));
        },
        dies, lives);
}

TEST_CASE("an unlink between nodes holds, and exit/2 reaches another node") {
    two_nodes n;
    const pid p = ender(n);
    run_in(
        n.a,
        [](self me, pid p) -> awaitable<void> {
            me.trap_exit(true);
            const ref watch = monitor(p);
            link(p);
            unlink(p);
            exit(p, atoms::kill);
            auto d = co_await me.receive<down_message>();
            CHECK(d.monitor == watch);
            CHECK(d.reason == atoms::killed);
            CHECK(mailbox(me) == list({}));
        },
        p);
}

TEST_CASE("an alias reaches its owner from another node until it is taken back") {
    two_nodes n;
    n.b.spawn([](self me) -> process {
        register_name(atom("knocks"), me.id());
        for (;;) {
            term t = co_await me.receive<term>();
            send(*t.as_ref(), term(atom("knock")));
        }
    });
    await_name(n.b, "knocks");
    run_in(n.a, [](self me) -> awaitable<void> {
        const ref open = alias(), closed = alias();
        unalias(closed);
        send(at_b("knocks"), term(closed));
        send(at_b("knocks"), term(open));
        CHECK(co_await me.receive<term>() == atom("knock"));
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("LINK-09, MON-14: what a lost connection tells links, monitors and calls") {
    two_nodes n;
    const pid p = ender(n);
    run_in(
        n.a,
        [](self me, two_nodes* n, pid p) -> awaitable<void> {
            me.trap_exit(true);
            link(p);
            const ref watch = monitor(p);
            n->cut(true);  // or the request would end it
            auto f = send_request(p, square{1});
            // As the connection does for what it knows.
            runtime& here = n->a;
            arrival::link_exit(here, p, me.id(), atoms::noconnection);
            arrival::down(here, me.id(), watch, atoms::noconnection, two_nodes::id_b.name);
            auto e = co_await me.receive<exit_message>();
            CHECK(e.reason == atoms::noconnection);
            auto d = co_await me.receive<down_message>();
            CHECK(d.reason == atoms::noconnection);
            (void)f;
        },
        &n, p);
}

TEST_CASE("MON-15: monitor_node and monitor_nodes tell of nodes that come and go") {
    two_nodes n;
    run_in(
        n.a,
        [](self me, two_nodes* n) -> awaitable<void> {
            const atom b = two_nodes::id_b.name;
            monitor_node(b);
            monitor_node(b);
            monitor_node(b, false);
            monitor_nodes();
            arrival::node_down(n->a, b, atom("connection_closed"));
            auto one = co_await me.receive<nodedown_message>();
            CHECK(one.node == b);
            CHECK(one.reason == atom("connection_closed"));
            (void)co_await me.receive<nodedown_message>();  // of monitor_nodes
            CHECK(nodes().empty());
            arrival::node_up(n->a, b, false);
            auto up = co_await me.receive<nodeup_message>();
            CHECK(up.node == b);
            // Hidden ones only when asked for.
            arrival::node_up(n->a, atom("shy@here"), true);
            CHECK(nodes() == std::vector<atom>{b});
            CHECK(nodes(node_kind::hidden) == std::vector<atom>{atom("shy@here")});
            CHECK(nodes(node_kind::connected).size() == 2);
            monitor_nodes(false);
            arrival::node_down(n->a, b, atoms::normal);
            // One that cannot be reached.
            monitor_node(atom("nobody@nowhere"));
            auto gone = co_await me.receive<nodedown_message>();
            CHECK(gone.node == atom("nobody@nowhere"));
            CHECK(mailbox(me) == list({}));
        },
        &n);
}

TEST_CASE("a sender that the carrier suspends goes on when it is resumed") {
    two_nodes n;
    run_in(
        n.a,
        [](self me, two_nodes* n) -> awaitable<void> {
            const pid p = spawn(
                [](self me, pid tell) -> process {
                    (void)detail::suspend_caller(me.id());
                    send(tell, 1);
                    co_await me.yield();
                    send(tell, 2);
                },
                me.id());
            CHECK(co_await me.receive<int>() == 1);
            while (process_info(p)->status != process_status::suspended) co_await me.yield();
            detail::resume_caller(n->a, p);
            CHECK(co_await me.receive<int>() == 2);
        },
        &n);
}
