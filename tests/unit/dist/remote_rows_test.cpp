// Rows of the behaviour table for links, monitors, exits and the order of signals, with the two processes on two nodes.
#include <string>
#include <utility>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/simulated.hpp"
#include "tests/unit/dist/dist_node.hpp"
#include "tests/unit/dist/world.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::dist_node;
using test::run_in;

namespace {

/// A process of the other node that does what it is told: `{exit, Reason}`, `{tell, Pid, Reason}` (messages 1 to 100 and
/// then that exit), `{link, Pid}`, `{monitor, Pid}`, `{trap, Bool}`, `{kill, Pid, Reason}` (exit/2), `{echo, Pid, Term}`,
/// `{alias, Ref, Term}`. Each but exits is answered by `{did, Verb}` to who is `boss`. What else comes goes to the boss.
process puppet(self me) {
    term boss;
    for (;;) {
        auto receiving = me.receive();
        message m = co_await receiving;
        const term t = test::as_erlang(std::move(m));
        const auto e = t.elements();
        const std::string verb(e.size() > 1 && e[0].is_atom() ? e[0].as_atom()->name() : "");
        if (verb == "boss") boss = e[1];
        if (verb == "exit") exit(e[1]);
        if (verb == "tell") {
            for (int n = 1; n <= 100; ++n) send(*e[1].as_pid(), n);
            exit(e[2]);
        }
        if (verb == "link") link(*e[1].as_pid());
        if (verb == "monitor") (void)monitor(*e[1].as_pid());
        if (verb == "trap") me.trap_exit(e[1] == atoms::true_);
        if (verb == "kill") exit(*e[1].as_pid(), e[2]);
        if (verb == "alias") send(*e[1].as_ref(), e[2]);
        const bool told = verb == "EXIT" || verb == "DOWN";
        send(*boss.as_pid(), told ? t : tuple(atom("did"), atom(verb)));
    }
}

/// Makes puppets: `{make, Pid}` is answered with a new one's pid, and it does what that Pid wants.
process maker(self me) {
    register_name(atom("maker"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        const pid made = spawn(puppet);
        send(made, tuple(atom("boss"), t.elements()[1]));
        send(*t.elements()[1].as_pid(), tuple(atom("made"), made));
    }
}

/// A new process on the other node.
awaitable<pid> far_process(self me, atom other) {
    send(server_ref(atom("maker"), other), tuple(atom("make"), me.id()));
    term t = co_await me.receive<term>();
    while (!t.is_tagged(atom("made"), 2)) t = co_await me.receive<term>();
    const pid made = *t.elements()[1].as_pid();
    t = co_await me.receive<term>();
    CHECK(t == tuple(atom("did"), atom("boss")));
    co_return made;
}

template <class... Ts>
void order(const pid& p, const char* verb, Ts&&... what) {
    send(p, tuple(atom(verb), std::forward<Ts>(what)...));
}

/// The next message, as Erlang shows it; `none` where none comes in half a second's quiet.
awaitable<term> next(self me, timeout limit = timeout(20s)) {
    auto receiving = me.receive_for(limit);
    message m = co_await receiving;
    co_return m ? test::as_erlang(std::move(m)) : term(atom("none"));
}

/// That it has done all before: signals to it are ordered. What else came is given first, in a list.
awaitable<term> after(self me, pid p) {
    order(p, "echo", me.id(), 0);
    std::vector<term> came;
    for (;;) {
        auto waiting = next(me);
        term t = co_await waiting;
        if (t == tuple(atom("did"), atom("echo")) || t == atom("none")) break;
        came.push_back(std::move(t));
    }
    co_return list_of(std::move(came));
}

term exit_of(const pid& p, const term& reason) {
    return tuple(atoms::EXIT, p, reason);
}
term down_of(const ref& m, const term& object, const term& reason) {
    return tuple(atom("DOWN"), m, atoms::process, object, reason);
}

/// `code(self, other)` on one of two nodes, whose other has a maker of puppets.
void on_two_nodes(awaitable<void> (*code)(self, atom)) {
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    b->spawn(maker);
    test::await_name(*b, "maker");
    run_in(*a, code, b.name());
}

}  // namespace

TEST_CASE("LINK-01, LINK-02, LINK-03: a linked process of another node exits") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        // Not trapping: normal is nothing, another reason is ours, too.
        const pid quiet = co_await far_process(me, other);
        const pid loud = co_await far_process(me, other);
        const pid here = spawn(
            [](self me, pid quiet, pid loud, pid boss) -> process {
                link(quiet);
                link(loud);
                send(boss, 1);
                co_await me.sleep_for(infinity{});
            },
            quiet, loud, me.id());
        (void)co_await me.receive<int>();
        const ref watched = monitor(here);
        order(quiet, "exit", atoms::normal);
        const ref gone = monitor(quiet);
        term t = co_await next(me);
        CHECK(
            (t == down_of(gone, quiet, atoms::normal) || t == down_of(gone, quiet, atoms::noproc)));
        const bool lives = co_await is_alive(here);
        CHECK(lives);
        order(loud, "exit", tuple(atom("because"), 7));
        t = co_await next(me);
        CHECK(t == down_of(watched, here, tuple(atom("because"), 7)));
        // Trapping: a message each.
        me.trap_exit(true);
        for (const term& reason : {term(atoms::normal), term(atom("oops"))}) {
            const pid p = co_await far_process(me, other);
            link(p);
            order(p, "exit", reason);
            t = co_await next(me);
            CHECK(t == exit_of(p, reason));
        }
    });
}

TEST_CASE("LINK-04, LINK-07, LINK-08: links to another node are a set, and an unlink ends them") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        me.trap_exit(true);
        pid p = co_await far_process(me, other);
        link(p);
        link(p);
        order(p, "link", me.id());
        order(p, "exit", atom("once"));
        term t = co_await next(me);
        CHECK(t == tuple(atom("did"), atom("link")));
        t = co_await next(me);
        CHECK(t == exit_of(p, atom("once")));
        p = co_await far_process(me, other);
        unlink(p);
        link(p);
        link(p);
        unlink(p);
        order(p, "exit", atom("unseen"));
        const ref m = monitor(p);
        t = co_await next(me);
        CHECK((t == down_of(m, p, atoms::noproc) || t == down_of(m, p, atom("unseen"))));
        CHECK(test::mailbox(me) == list({}));
        // What is in the mailbox stays.
        p = co_await far_process(me, other);
        link(p);
        order(p, "exit", atom("early"));
        const ref gone = monitor(p);
        auto waiting = me.receive<down_message>();
        auto down = co_await waiting;
        CHECK(down.monitor == gone);
        unlink(p);
        CHECK(test::mailbox(me) == list({exit_of(p, atom("early"))}));
    });
}

TEST_CASE("LINK-10, PROC-01, PROC-02, PROC-06, PROC-07: exit/2 to a process of another node") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        me.trap_exit(true);
        pid p = co_await far_process(me, other);
        link(p);
        exit(p, atoms::normal);
        term came = co_await after(me, p);
        CHECK(came == list({}));
        order(p, "trap", atoms::true_);
        term t = co_await next(me);
        CHECK(t == tuple(atom("did"), atom("trap")));
        exit(p, atoms::normal);
        exit(p, atom("heard"));
        came = co_await after(me, p);
        CHECK(came == list({exit_of(me.id(), atoms::normal), exit_of(me.id(), atom("heard"))}));
        exit(p, atoms::kill);
        t = co_await next(me);
        CHECK(t == exit_of(p, atoms::killed));
        p = co_await far_process(me, other);
        link(p);
        exit(p, atom("away"));
        t = co_await next(me);
        CHECK(t == exit_of(p, atom("away")));
    });
}

TEST_CASE("PROC-08: `kill` as the reason of a link of another node is an ordinary one") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = co_await far_process(me, other);
        link(p);
        order(p, "exit", atoms::kill);
        const term t = co_await next(me);
        CHECK(t == exit_of(p, atoms::kill));
    });
}

TEST_CASE(
    "PROC-14, PROC-16: what is sent to the dead and to unknown names of another node is dropped") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        const pid p = co_await far_process(me, other);
        order(p, "exit", atoms::normal);
        send(p, 1);
        send(server_ref(atom("nobody is called so"), other), 2);
        send(server_ref(atom("maker"), atom("nowhere@127.0.0.1")), 3);
        const pid q = co_await far_process(me, other);
        const term came = co_await after(me, q);
        CHECK(came == list({}));
    });
}

TEST_CASE("MON-01, MON-02, MON-03, MON-04: monitors of another node's processes") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        const pid p = co_await far_process(me, other);
        const ref first = monitor(p), second = monitor(p);
        order(p, "exit", atom("end"));
        term t = co_await next(me);
        CHECK(t == down_of(first, p, atom("end")));
        t = co_await next(me);
        CHECK(t == down_of(second, p, atom("end")));
        const ref dead = monitor(p);
        t = co_await next(me);
        CHECK(t == down_of(dead, p, atoms::noproc));
        const ref unknown = monitor(server_ref(atom("nobody is called so"), other));
        t = co_await next(me);
        CHECK(t == down_of(unknown, tuple(atom("nobody is called so"), other), atoms::noproc));
    });
    const auto epmd = test::free_port();
    dist_node a("a", epmd), b("b", epmd);
    const pid victim = b->spawn([](self me) -> process {
        register_name(atom("victim"), me.id());
        co_await me.sleep_for(infinity{});
    });
    test::await_name(*b, "victim");
    a->spawn(
        [](self me, atom other) -> process {
            const ref m = monitor(server_ref(atom("victim"), other));
            bool there = co_await dist::ping(other);  // the monitor is there now
            CHECK(there);
            register_name(atom("watching"), me.id());
            const term t = co_await next(me);
            CHECK(t == down_of(m, tuple(atom("victim"), other), atom("shot")));
            register_name(atom("done"), spawn(test::idle));
        },
        b.name());
    test::await_name(*a, "watching");
    b->exit(victim, atom("shot"));
    test::await_name(*a, "done");
}

TEST_CASE(
    "MON-06, MON-07, MON-08, MON-09, MON-10, MON-11: one-way, demonitor and tags, between nodes") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        pid p = co_await far_process(me, other);
        const pid watcher = spawn(
            [](self, pid p, pid boss) -> process {
                (void)monitor(p);
                send(boss, 1);
                co_return;
            },
            p, me.id());
        (void)co_await me.receive<int>();
        const ref gone = monitor(watcher);
        auto waiting = me.receive<down_message>();
        auto down = co_await waiting;
        CHECK(down.monitor == gone);
        term came = co_await after(me, p);
        CHECK(came == list({}));
        // Ended before it fires: nothing comes; and it is told whether it was there.
        const ref ended = monitor(p);
        CHECK(demonitor(ended, {.info = true}));
        CHECK_FALSE(demonitor(ended, {.info = true}));
        CHECK(demonitor(ended));
        const ref queued = monitor(p), flushed = monitor(p);
        const ref tagged = monitor(p, {.tag = atom("mine")});
        order(p, "exit", atom("end"));
        // The last one made is the last one told.
        while (process_info(me.id())->message_queue_len < 3) co_await me.yield();
        CHECK(demonitor(queued));
        CHECK(demonitor(flushed, {.flush = true}));
        CHECK(test::mailbox(me) ==
              list({down_of(queued, p, atom("end")),
                    tuple(atom("mine"), tagged, atoms::process, p, atom("end"))}));
    });
}

TEST_CASE("MON-16, MON-17: an alias that another node knows") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        const pid p = co_await far_process(me, other);
        const ref r = alias();
        order(p, "alias", r, atom("first"));
        term came = co_await after(me, p);
        CHECK(came == list({atom("first"), tuple(atom("did"), atom("alias"))}));
        CHECK(unalias(r));
        order(p, "alias", r, atom("second"));
        came = co_await after(me, p);
        CHECK(came == list({tuple(atom("did"), atom("alias"))}));
        CHECK_FALSE(unalias(r));
    });
}

TEST_CASE(
    "SIG-01, SIG-02, SIG-03: from a process of another node the messages come first, then its exit "
    "or its end") {
    on_two_nodes([](self me, atom other) -> awaitable<void> {
        me.trap_exit(true);
        for (const bool linked : {true, false}) {
            const pid p = co_await far_process(me, other);
            ref m;
            if (linked)
                link(p);
            else
                m = monitor(p);
            order(p, "tell", me.id(), atom("end"));
            term t;
            for (int n = 1; n <= 100; ++n) {
                t = co_await next(me);
                CHECK(t == n);
            }
            t = co_await next(me);
            CHECK(t == (linked ? exit_of(p, atom("end")) : down_of(m, p, atom("end"))));
        }
        const pid p = co_await far_process(me, other);
        order(p, "echo", 1);
        order(p, "kill", me.id(), atom("between"));
        order(p, "echo", 2);
        term t = co_await next(me);
        CHECK(t == tuple(atom("did"), atom("echo")));
        t = co_await next(me);
        CHECK(t == exit_of(p, atom("between")));
        t = co_await next(me);
        CHECK(t == tuple(atom("did"), atom("kill")));
    });
}
