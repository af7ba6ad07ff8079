#include "libbeamcore/runtime/link.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

term exit_of(pid p, term reason) {
    return tuple(atoms::EXIT, p, std::move(reason));
}

awaitable<bool> dies(self me, pid p) {
    const ref m = monitor(p);
    auto d =
        co_await me.receive_if<down_message>([m](const down_message& x) { return x.monitor == m; });
    co_return d.has_value();
}

awaitable<std::vector<pid>> links_of(pid p) {
    auto details = co_await process_info_details(p);
    co_return details ? details->links : std::vector<pid>();
}

}  // namespace

TEST_CASE("LINK-01: a linked peer's normal exit is nothing to a process that does not trap") {
    simulated([](self me) -> awaitable<void> {
        const pid peer = spawn(puppet);
        const pid p = spawn(puppet);
        co_await perform(me, p, link_to, peer);
        send(peer, order{exit_with, atoms::normal, me.id()});
        co_await dies(me, peer);
        const term messages = co_await mailbox_of(me, p);
        CHECK(messages == list({}));
    });
}

TEST_CASE("LINK-02: another reason ends the peer too, along chains of links, unchanged") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        std::vector<pid> chain{spawn_link(puppet)};
        for (int i = 0; i < 10; ++i) {
            const pid next = spawn(puppet);
            co_await perform(me, next, link_to, chain.back());
            chain.push_back(next);
        }
        std::vector<ref> monitors;
        for (pid p : chain) monitors.push_back(monitor(p));
        send(chain.back(), order{exit_with, tuple(atom("broken"), 7), me.id()});
        auto e = co_await me.receive<exit_message>();
        CHECK(e.from == chain.front());
        CHECK(e.reason == tuple(atom("broken"), 7));
        for (ref m : monitors) {
            auto d = co_await me.receive_if<down_message>(
                [m](const down_message& x) { return x.monitor == m; });
            CHECK(d->reason == tuple(atom("broken"), 7));
        }
    });
}

TEST_CASE("LINK-03: a process that traps exits gets every reason, normal too, as a message") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        for (const term& reason : {term(atoms::normal), term(atoms::shutdown), term(atoms::kill),
                                   term(tuple(atom("a"), 1))}) {
            const pid p = spawn_link(leaves, reason);
            auto e = co_await me.receive<exit_message>();
            CHECK(e.from == p);
            CHECK(e.reason == reason);
        }
    });
}

TEST_CASE("LINK-04: links are a set: linked twice, one EXIT and one unlink") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn(puppet);
        link(p);
        link(p);
        co_await perform(me, p, link_to, me.id());
        send(p, order{exit_with, atom("once"), me.id()});
        co_await dies(me, p);
        CHECK(mailbox(me) == list({exit_of(p, atom("once"))}));

        const pid q = spawn(puppet);
        link(q);
        link(q);
        unlink(q);
        send(q, order{exit_with, atom("once"), me.id()});
        co_await dies(me, q);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("LINK-05: a link to oneself is none") {
    simulated([](self me) -> awaitable<void> {
        link(me.id());
        const auto links = co_await links_of(me.id());
        CHECK(links.empty());
    });
}

TEST_CASE("LINK-06: a link to what names no process is badarg") {
    simulated([](self me) -> awaitable<void> {
        spawn_monitor([](self) -> process {
            link(pid{});
            co_return;
        });
        auto d = co_await me.receive<down_message>();
        REQUIRE(d.reason.elements().size() == 2);
        CHECK(d.reason.elements()[0] == atoms::badarg);
    });
}

TEST_CASE("LINK-07: unlink of a process that is not linked has no effect") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(puppet);
        unlink(p);
        unlink(me.id());
        const term messages = co_await mailbox_of(me, p);
        CHECK(messages == list({}));
    });
}

TEST_CASE("LINK-08: after unlink no EXIT arrives; one that is in the mailbox stays") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn_link(leaves, term(atom("gone")));
        co_await dies(me, p);
        unlink(p);
        CHECK(mailbox(me) == list({exit_of(p, atom("gone"))}));
    });
    // The peer dies at any moment around the unlink.
    auto race = [](self me) -> awaitable<void> {
        me.trap_exit(true);
        for (int i = 0; i < 50; ++i) {
            const pid p = spawn_link(leaves, term(atom("gone")));
            if (i % 2 == 0) co_await me.yield();
            (void)mailbox(me);
            unlink(p);
            // What comes later than this can only be from the link.
            co_await dies(me, p);
            for (int n = 0; n < 3; ++n) co_await me.yield();
            REQUIRE(mailbox(me) == list({}));
        }
    };
    simulated(race);
    threaded(race);
}

TEST_CASE("LINK-08: a process may be linked again at once after unlink") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn(puppet);
        for (int i = 0; i < 20; ++i) {
            link(p);
            if (i % 3 == 0) co_await me.yield();
            unlink(p);
            if (i % 5 == 0) co_await me.yield();
        }
        link(p);
        send(p, order{exit_with, atom("now"), me.id()});
        auto e = co_await me.receive<exit_message>();
        CHECK(e.from == p);
        CHECK(e.reason == atom("now"));
    });
}

TEST_CASE("LINK-10: an exit signal to a linked process comes back as its death") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn_link(idle);
        exit(p, tuple(atom("told"), me.id()));
        auto e = co_await me.receive<exit_message>();
        CHECK(e.from == p);
        CHECK(e.reason == tuple(atom("told"), me.id()));
    });
}

TEST_CASE("a link to a dead process is an exit signal with noproc") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn(leaves, term(atoms::normal));
        co_await dies(me, p);
        link(p);
        auto e = co_await me.receive<exit_message>();
        CHECK(e.from == p);
        CHECK(e.reason == atoms::noproc);
        const auto links = co_await links_of(me.id());
        CHECK(links.empty());
    });
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(leaves, term(atoms::normal));
        co_await dies(me, p);
        spawn_monitor(
            [](self s, pid dead) -> process {
                link(dead);
                co_await s.sleep_for(infinity{});
            },
            p);
        auto d = co_await me.receive<down_message>();
        CHECK(d.reason == atoms::noproc);
    });
}

TEST_CASE("what a dead process sent comes before the noproc of a link to it") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        const pid p = spawn(
            [](self, pid to) -> process {
                send(to, 1);
                co_return;
            },
            me.id());
        while (process_info(p)) co_await me.yield();
        link(p);
        CHECK(mailbox(me) == list({1, exit_of(p, atoms::noproc)}));
    });
}

TEST_CASE("both ends agree on a link after any mixture of link and unlink") {
    struct twist {
        static process end(self me, pid tester, std::uint64_t seed) {
            random_generator random(seed);
            me.trap_exit(true);
            const pid other = co_await me.receive<pid>();
            for (int i = 0; i < 30; ++i) {
                if (random.below(2) == 0)
                    link(other);
                else
                    unlink(other);
                if (random.below(3) == 0) co_await me.yield();
            }
            send(tester, done{});
            for (;;) (void)co_await me.receive();
        }
        static awaitable<void> run(self me, std::uint64_t seed) {
            const pid a = spawn(end, me.id(), seed);
            const pid b = spawn(end, me.id(), seed + 1000);
            send(a, b);
            send(b, a);
            co_await me.receive<done>();
            co_await me.receive<done>();
            // The questions come after all signals between a and b only when those are through.
            co_await me.sleep_for(1ms);
            const auto of_a = co_await links_of(a);
            const auto of_b = co_await links_of(b);
            CHECK(of_a.size() == of_b.size());
            exit(a, atoms::kill);
            exit(b, atoms::kill);
        }
    };
    for (std::uint64_t seed = 1; seed <= 20 * seed_count(); ++seed) {
        CAPTURE(seed);
        runtime node(deterministic(seed));
        run_in(node, twist::run, seed);
    }
}

TEST_CASE("MON-01: a monitor of a dead process gives one DOWN with noproc") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(leaves, term(atoms::normal));
        co_await dies(me, p);
        const ref m = monitor(p);
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == m);
        CHECK(d.object == term(p));
        CHECK(d.pid() == p);
        CHECK(d.reason == atoms::noproc);
        CHECK(d.tag == atoms::DOWN);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("MON-02: a monitor of an unknown name gives DOWN with {Name, Node} and noproc") {
    simulated([](self me) -> awaitable<void> {
        const ref m = monitor(atom("nobody"));
        auto d = co_await me.receive<down_message>();
        CHECK(d.monitor == m);
        CHECK(d.object == tuple(atom("nobody"), atoms::nonode_at_nohost));
        CHECK(d.reason == atoms::noproc);
        CHECK_FALSE(d.pid().has_value());
    });
}

TEST_CASE("MON-03: a monitor by name tells {Name, Node}, not the pid") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(puppet);
        register_name(atom("somebody"), p);
        const ref local = monitor(atom("somebody"));
        const ref full = monitor(server_ref(atom("somebody"), atoms::nonode_at_nohost));
        send(p, order{exit_with, atom("bye"), me.id()});
        for (int i = 0; i < 2; ++i) {
            auto d = co_await me.receive<down_message>();
            CHECK((d.monitor == local || d.monitor == full));
            CHECK(d.object == tuple(atom("somebody"), atoms::nonode_at_nohost));
            CHECK(d.reason == atom("bye"));
        }
    });
}

TEST_CASE("MON-04: two monitors of one process are two references and two DOWNs") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(idle);
        const ref a = monitor(p), b = monitor(p);
        CHECK(a != b);
        exit(p, atoms::kill);
        auto first = co_await me.receive<down_message>();
        auto second = co_await me.receive<down_message>();
        CHECK(std::set<ref>{first.monitor, second.monitor} == std::set<ref>{a, b});
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("MON-05: a monitor of oneself is a reference that never fires") {
    simulated([](self me) -> awaitable<void> {
        const ref m = monitor(me.id());
        CHECK(m);
        auto details = co_await process_info_details(me.id());
        CHECK(details->monitors.empty());
        CHECK(details->monitored_by.empty());
        demonitor_options info;
        info.info = true;
        CHECK_FALSE(demonitor(m, info));
    });
}

TEST_CASE("MON-06: the watcher's death is nothing to the watched") {
    simulated([](self me) -> awaitable<void> {
        const pid watched = spawn(puppet);
        const pid watcher = spawn_monitor(
                                [](self s, pid w) -> process {
                                    monitor(w);
                                    co_await s.receive<int>();
                                    exit(atom("crash"));
                                },
                                watched)
                                .pid;
        co_await me.yield();
        send(watcher, 1);
        co_await me.receive<down_message>();
        const term messages = co_await mailbox_of(me, watched);
        CHECK(messages == list({}));
        auto details = co_await process_info_details(watched);
        CHECK(details->monitored_by.empty());
    });
}

TEST_CASE("MON-07: demonitor without flush leaves a DOWN that is in the mailbox") {
    simulated([](self me) -> awaitable<void> {
        auto [p, m] = spawn_monitor(leaves, term(atom("x")));
        co_await dies(me, p);
        CHECK(demonitor(m));
        CHECK(mailbox(me) == list({tuple(atoms::DOWN, m, atoms::process, p, atom("x"))}));
    });
}

TEST_CASE("MON-08: demonitor with flush removes a DOWN that is there, and no other message") {
    simulated([](self me) -> awaitable<void> {
        send(me.id(), 1);
        auto [p, m] = spawn_monitor(leaves, term(atom("x")));
        const ref other = monitor(p);
        co_await me.receive_if<down_message>(
            [other](const down_message& x) { return x.monitor == other; });
        send(me.id(), 2);
        demonitor_options flush;
        flush.flush = true;
        CHECK(demonitor(m, flush));
        CHECK(mailbox(me) == list({1, 2}));
        // Still in the mailbox's tail order: what comes now is last.
        send(me.id(), 3);
        CHECK(mailbox(me) == list({3}));
    });
}

TEST_CASE("MON-08: after demonitor with flush no DOWN of that reference is ever seen") {
    auto race = [](self me) -> awaitable<void> {
        demonitor_options flush;
        flush.flush = true;
        for (int i = 0; i < 100; ++i) {
            auto [p, m] = spawn_monitor(leaves, term(atom("x")));
            if (i % 2) co_await me.yield();
            CHECK(demonitor(m, flush));
            co_await dies(me, p);
            REQUIRE(mailbox(me) == list({}));
        }
    };
    simulated(race);
    threaded(race);
}

TEST_CASE("MON-09: demonitor with info tells whether an active monitor was removed") {
    simulated([](self me) -> awaitable<void> {
        demonitor_options info;
        info.info = true;
        demonitor_options both = info;
        both.flush = true;
        const pid p = spawn(idle);
        const ref a = monitor(p), b = monitor(p), c = monitor(p);
        CHECK(demonitor(a, info));
        CHECK_FALSE(demonitor(a, info));
        exit(p, atoms::kill);
        co_await me.receive_if<down_message>([c](const down_message& x) { return x.monitor == c; });
        CHECK_FALSE(demonitor(b, both));
        CHECK_FALSE(demonitor(c, info));
        CHECK_FALSE(demonitor(make_ref(), info));
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("MON-10: demonitor of an unknown reference is true") {
    simulated([](self) -> awaitable<void> {
        CHECK(demonitor(make_ref()));
        CHECK(demonitor(ref{}));
        co_return;
    });
}

TEST_CASE("MON-11: a monitor with a tag gives {Tag, Ref, process, Pid, Reason}") {
    simulated([](self me) -> awaitable<void> {
        monitor_options o;
        o.tag = tuple(atom("worker"), 7);
        const pid p = spawn(puppet);
        const ref m = monitor(p, o);
        const ref unknown = monitor(atom("nobody"), o);
        send(p, order{exit_with, atom("x"), me.id()});
        auto d = co_await me.receive_if<down_message>(
            [m](const down_message& x) { return x.monitor == m; });
        CHECK(d->tag == tuple(atom("worker"), 7));
        CHECK(d->reason == atom("x"));
        d = co_await me.receive_if<down_message>(
            [unknown](const down_message& x) { return x.monitor == unknown; });
        CHECK(d->tag == tuple(atom("worker"), 7));
    });
}

TEST_CASE("MON-12: spawn with link and monitor gives both EXIT and DOWN") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        spawn_options o;
        o.link = true;
        o.monitor = true;
        auto [p, m] = spawn_opt(o, leaves, term(atom("both")));
        auto e = co_await me.receive<exit_message>();
        auto d = co_await me.receive<down_message>();
        CHECK(e.from == p);
        CHECK(e.reason == atom("both"));
        CHECK(d.monitor == m);
        CHECK(d.reason == atom("both"));
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("MON-13: the DOWN of spawn_monitor has the true reason, however soon the process died") {
    auto many = [](self me) -> awaitable<void> {
        for (int i = 0; i < 100; ++i) {
            auto [p, m] = spawn_monitor(leaves, term(i));
            auto d = co_await me.receive<down_message>();
            REQUIRE(d.monitor == m);
            REQUIRE(d.pid() == p);
            REQUIRE(d.reason == term(i));
        }
    };
    simulated(many);
    threaded(many);
}

TEST_CASE("MON-16: a message through an alias arrives as an ordinary one") {
    simulated([](self me) -> awaitable<void> {
        const ref a = alias();
        const pid helper = spawn(
            [](self, ref to) -> process {
                send(to, std::string("through"));
                send(to, std::string("again"));
                co_return;
            },
            a);
        auto text = co_await me.receive<std::string>();
        CHECK(text == "through");
        text = co_await me.receive<std::string>();
        CHECK(text == "again");
        co_await dies(me, helper);
        CHECK(unalias(a));
    });
}

TEST_CASE("MON-17: a message through an alias that was removed is dropped") {
    simulated([](self me) -> awaitable<void> {
        const ref a = alias();
        CHECK(unalias(a));
        CHECK_FALSE(unalias(a));
        const pid helper = spawn(
            [](self, ref to) -> process {
                send(to, 1);
                co_return;
            },
            a);
        co_await dies(me, helper);
        send(a, 2);
        send(make_ref(), 3);
        send(ref{}, 4);
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("MON-17: what was on its way when the alias was removed is dropped") {
    simulated([](self me) -> awaitable<void> {
        const ref a = alias();
        send(a, 1);
        CHECK(unalias(a));
        co_await me.yield();
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("an alias made with once takes one message") {
    simulated([](self me) -> awaitable<void> {
        const ref a = alias(true);
        send(a, 1);
        send(a, 2);
        co_await me.yield();
        CHECK(mailbox(me) == list({1}));
        CHECK_FALSE(unalias(a));
    });
}

TEST_CASE("a monitor with an alias: active until it fires or is demonitored") {
    simulated([](self me) -> awaitable<void> {
        monitor_options o;
        o.alias = true;
        const pid p = spawn(puppet);
        const ref m = monitor(p, o);
        send(m, 1);
        co_await me.yield();
        CHECK(mailbox(me) == list({1}));
        demonitor(m);
        send(m, 2);
        co_await me.yield();
        CHECK(mailbox(me) == list({}));
        CHECK_FALSE(unalias(m));

        const ref n = monitor(p, o);
        exit(p, atoms::kill);
        co_await me.receive<down_message>();
        send(n, 3);
        co_await me.yield();
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("a message through an alias keeps its place among the sender's others") {
    simulated([](self me) -> awaitable<void> {
        const ref a = alias();
        spawn(
            [](self, pid to, ref through) -> process {
                for (int i = 0; i < 10; ++i) {
                    if (i % 2)
                        send(to, i);
                    else
                        send(through, i);
                }
                co_return;
            },
            me.id(), a);
        for (int i = 0; i < 10; ++i) {
            int n = co_await me.receive<int>();
            CHECK(n == i);
        }
    });
}

TEST_CASE("references are unique, also across schedulers") {
    auto collect = [](self me) -> awaitable<void> {
        for (int i = 0; i < 8; ++i)
            spawn(
                [](self s, pid to) -> process {
                    std::vector<ref> mine;
                    for (int n = 0; n < 2000; ++n) {
                        mine.push_back(make_ref());
                        if (n % 100 == 0) co_await s.yield();
                    }
                    send(to, std::move(mine));
                },
                me.id());
        std::set<ref> all;
        for (int i = 0; i < 8; ++i) {
            auto some = co_await me.receive<std::vector<ref>>();
            all.insert(some.begin(), some.end());
        }
        CHECK(all.size() == 16000);
    };
    threaded(collect);
}

TEST_CASE("a process with thousands of links tells each when it dies") {
    auto hub = [](self me) -> awaitable<void> {
        const pid center = spawn(puppet);
        std::map<ref, pid> watched;
        for (int i = 0; i < 2000; ++i) {
            auto [p, m] = spawn_monitor(
                [](self s, pid c) -> process {
                    link(c);
                    co_await s.sleep_for(infinity{});
                },
                center);
            watched[m] = p;
        }
        // All have linked when their answers are here.
        for (auto& [m, p] : watched) {
            const bool alive = co_await is_alive(p);
            REQUIRE(alive);
        }
        for (;;) {
            const auto links = co_await links_of(center);
            if (links.size() == watched.size()) break;
            co_await me.yield();
        }
        send(center, order{exit_with, atom("hub"), me.id()});
        while (!watched.empty()) {
            auto d = co_await me.receive<down_message>();
            REQUIRE(watched.erase(d.monitor) == 1);
            REQUIRE(d.reason == atom("hub"));
        }
    };
    runtime node(deterministic(7));
    run_in(node, hub);
    threaded(hub);
}

TEST_CASE(
    "a process that is linked to and watched by thousands dies in steps, and all are told once") {
    auto hub = [](self me) -> awaitable<void> {
        const pid center = spawn(puppet);
        std::map<ref, pid> watched;
        for (int i = 0; i < 5000; ++i) {
            auto [p, m] = spawn_monitor(
                [](self s, pid c) -> process {
                    s.trap_exit(true);
                    link(c);
                    auto e = co_await s.receive<exit_message>();
                    exit(tuple(atom("heard"), e.reason));
                },
                center);
            watched[m] = p;
        }
        std::map<ref, bool> of_center;
        for (int i = 0; i < 5000; ++i) of_center[monitor(center)] = false;
        for (;;) {
            const auto links = co_await links_of(center);
            if (links.size() == watched.size()) break;
            co_await me.yield();
        }
        send(center, order{exit_with, atom("hub"), me.id()});
        for (std::size_t left = watched.size() + of_center.size(); left > 0; --left) {
            auto d = co_await me.receive<down_message>();
            if (auto it = of_center.find(d.monitor); it != of_center.end()) {
                REQUIRE_FALSE(std::exchange(it->second, true));
                REQUIRE(d.reason == atom("hub"));
            } else {
                REQUIRE(watched.erase(d.monitor) == 1);
                REQUIRE(d.reason == tuple(atom("heard"), atom("hub")));
            }
        }
        const bool alive = co_await is_alive(center);
        CHECK_FALSE(alive);
    };
    runtime node(deterministic(11));
    run_in(node, hub);
    threaded(hub);
}
