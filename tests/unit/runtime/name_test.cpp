#include "libbeamcore/runtime/name.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "libbeamcore/runtime/process_info.hpp"
#include "tests/support/badarg.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

const atom name("the_name"), other_name("other_name");

awaitable<void> dies(self me, pid p) {
    const ref m = monitor(p);
    co_await me.receive_if<down_message>([m](const down_message& d) { return d.monitor == m; });
}

}  // namespace

TEST_CASE("REG-01: a name that is taken is badarg") {
    simulated([](self) -> awaitable<void> {
        const pid a = spawn(idle), b = spawn(idle);
        register_name(name, a);
        CHECK(badarg([&] { register_name(name, b); }));
        CHECK(badarg([&] { register_name(name, a); }));
        CHECK_FALSE(try_register_name(name, b));
        CHECK(whereis(name) == a);
        co_return;
    });
}

TEST_CASE("REG-02: a second name for a process is badarg") {
    simulated([](self me) -> awaitable<void> {
        register_name(name, me.id());
        CHECK(badarg([&] { register_name(other_name, me.id()); }));
        CHECK_FALSE(whereis(other_name).has_value());
        unregister_name(name);
        register_name(other_name, me.id());
        CHECK(whereis(other_name) == me.id());
        co_return;
    });
}

TEST_CASE("REG-03: the name undefined is badarg") {
    simulated([](self me) -> awaitable<void> {
        CHECK(badarg([&] { register_name(atoms::undefined, me.id()); }));
        spawn_options o;
        o.name = atoms::undefined;
        CHECK_FALSE(spawn_opt(o, idle).pid);
        co_return;
    });
}

TEST_CASE("REG-04: registering a dead process is badarg") {
    simulated([](self me) -> awaitable<void> {
        const pid p = spawn(leaves, term(atoms::normal));
        co_await dies(me, p);
        CHECK(badarg([&] { register_name(name, p); }));
        CHECK(badarg([&] { register_name(name, pid{}); }));
        CHECK_FALSE(whereis(name).has_value());
        register_name(name, me.id());
    });
}

TEST_CASE("REG-05: unregistering an unknown name is badarg") {
    simulated([](self) -> awaitable<void> {
        CHECK(badarg([] { unregister_name(name); }));
        co_return;
    });
}

TEST_CASE("REG-06: whereis of an unknown name is nothing") {
    simulated([](self me) -> awaitable<void> {
        CHECK_FALSE(whereis(name).has_value());
        register_name(name, me.id());
        CHECK(whereis(name) == me.id());
        CHECK(me.node().whereis(name) == me.id());
        unregister_name(name);
        CHECK_FALSE(whereis(name).has_value());
        co_return;
    });
}

TEST_CASE("REG-07: a process's death frees its name") {
    auto free_again = [](self me) -> awaitable<void> {
        for (int i = 0; i < 100; ++i) {
            const pid p = spawn(idle);
            register_name(name, p);
            REQUIRE(whereis(name) == p);
            exit(p, atoms::kill);
            co_await dies(me, p);
            REQUIRE_FALSE(whereis(name).has_value());
        }
        register_name(name, me.id());
        CHECK(whereis(name) == me.id());
        unregister_name(name);
    };
    simulated(free_again);
    threaded(free_again);
}

TEST_CASE("REG-07: a name registered while its process dies is free afterwards") {
    auto race = [](self me) -> awaitable<void> {
        for (int i = 0; i < 100; ++i) {
            const pid p = spawn(leaves, term(atoms::normal));
            if (i % 3 == 0) co_await me.yield();
            (void)try_register_name(name, p);
            co_await dies(me, p);
            REQUIRE_FALSE(whereis(name).has_value());
            REQUIRE(try_register_name(name, me.id()));
            unregister_name(name);
        }
    };
    simulated(race);
    threaded(race);
}

TEST_CASE("names moved about by several processes are neither lost nor stolen") {
    struct mover {
        static process run(self me, pid tester, std::vector<pid> targets, int rounds) {
            for (int i = 0; i < rounds; ++i) {
                const pid target = targets[std::size_t(i) % targets.size()];
                if (!try_register_name(name, target)) {
                    try {
                        unregister_name(name);
                    } catch (const error_exception&) {
                    }
                }
                if (i % 7 == 0) co_await me.yield();
            }
            send(tester, done{});
        }
    };
    auto storm = [](self me) -> awaitable<void> {
        for (int round = 0; round < 20; ++round) {
            const std::vector<pid> targets{spawn(idle), spawn(idle), spawn(idle)};
            for (int i = 0; i < 4; ++i) spawn(mover::run, me.id(), targets, 100);
            for (int i = 0; i < 4; ++i) co_await me.receive<done>();
            if (whereis(name)) unregister_name(name);
            // The deaths of those who had the name once must not take it from who has it now, and
            // must not leave it stuck.
            for (pid p : targets) {
                const bool alive = co_await is_alive(p);
                REQUIRE(alive);
            }
            register_name(name, me.id());
            for (pid p : targets) exit(p, atoms::kill);
            for (pid p : targets) co_await dies(me, p);
            REQUIRE(whereis(name) == me.id());
            unregister_name(name);
            REQUIRE_FALSE(whereis(name).has_value());
        }
    };
    simulated(storm);
    threaded(storm);
}

TEST_CASE("a process is spawned with a name, or not at all") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        spawn_options o;
        o.name = name;
        o.link = true;
        const pid p = spawn_opt(o, idle).pid;
        CHECK(whereis(name) == p);
        const std::size_t before = processes().size();
        const auto second = spawn_opt(o, idle);
        CHECK_FALSE(second.pid);
        co_await me.yield();
        CHECK(processes().size() == before);
        CHECK(mailbox(me) == list({}));
        CHECK(whereis(name) == p);
        exit(p, atoms::kill);
        auto e = co_await me.receive<exit_message>();
        CHECK(e.from == p);
        CHECK_FALSE(whereis(name).has_value());
    });
}

TEST_CASE("registered_names gives all names in use") {
    simulated([](self me) -> awaitable<void> {
        CHECK(registered_names().empty());
        const pid p = spawn(idle);
        register_name(name, p);
        register_name(other_name, me.id());
        auto all = registered_names();
        std::sort(all.begin(), all.end());
        CHECK(all == std::vector<atom>{other_name, name});
        co_return;
    });
}

TEST_CASE("PROC-15: a message to an unregistered name is badarg") {
    simulated([](self) -> awaitable<void> {
        CHECK(badarg([] { send(server_ref(name), 1); }));
        co_return;
    });
}

TEST_CASE("PROC-16: a message to {Name, Node} never fails") {
    simulated([](self me) -> awaitable<void> {
        send(server_ref(name, atoms::nonode_at_nohost), 1);
        send(server_ref(name, atom("other@nowhere")), 1);
        register_name(name, me.id());
        send(server_ref(name, atoms::nonode_at_nohost), 2);
        send(server_ref(name), 3);
        CHECK(mailbox(me) == list({2, 3}));
        co_return;
    });
}
