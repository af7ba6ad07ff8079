#include "libbeamcore/runtime/groups.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "libbeamcore/term/node_table.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

awaitable<void> dies(self me, pid p) {
    const ref m = monitor(p);
    co_await me.receive_if<down_message>([m](const down_message& d) { return d.monitor == m; });
}

// The pid that a function of pg refuses.
template <class F>
bool is_not_local(F act, pid p) {
    try {
        act();
    } catch (const error_exception& e) {
        return e.reason == tuple(atom("nolocal"), p);
    }
    return false;
}

}  // namespace

TEST_CASE("REG-09: a process that joined a group twice is in it twice, and must leave twice") {
    simulated([](self me) -> awaitable<void> {
        const atom scope("scope");
        const term group = tuple(atom("room"), 1);
        pg::join(scope, group, me.id());
        pg::join(scope, group, me.id());
        CHECK(pg::get_members(scope, group) == std::vector<pid>{me.id(), me.id()});
        CHECK(pg::which_groups(scope) == std::vector<term>{group});
        CHECK(pg::leave(scope, group, me.id()));
        CHECK(pg::get_members(scope, group) == std::vector<pid>{me.id()});
        CHECK(pg::leave(scope, group, me.id()));
        CHECK_FALSE(pg::leave(scope, group, me.id()));
        CHECK(pg::get_members(scope, group).empty());
        CHECK(pg::which_groups(scope).empty());
        co_return;
    });
}

TEST_CASE("a process leaves all its groups by dying; scopes are apart") {
    auto die = [](self me) -> awaitable<void> {
        const atom a("scope_a"), b("scope_b");
        const pid p = spawn(idle), q = spawn(idle);
        pg::join(a, 1, p);
        pg::join(a, 1, p);
        pg::join(a, 2, p);
        pg::join(b, 1, p);
        pg::join(a, 1, q);
        CHECK(pg::get_members(b, 1) == std::vector<pid>{p});
        CHECK(pg::which_groups(a) == std::vector<term>{1, 2});
        exit(p, atoms::kill);
        co_await dies(me, p);
        CHECK(pg::get_members(a, 1) == std::vector<pid>{q});
        CHECK(pg::which_groups(a) == std::vector<term>{1});
        CHECK(pg::which_groups(b).empty());
        // Joining for a dead one leaves nothing behind.
        pg::join(a, 2, p);
        CHECK(pg::get_members(a, 2).empty());
        CHECK(pg::leave(a, 1, q));
    };
    simulated(die);
    threaded(die);
}

TEST_CASE("several processes join and leave a group at once") {
    simulated([](self) -> awaitable<void> {
        const atom scope("scope");
        const pid a = spawn(idle), b = spawn(idle), c = spawn(idle);
        pg::join(scope, 1, std::vector<pid>{a, b, a});
        CHECK(pg::get_members(scope, 1) == std::vector<pid>{a, b, a});
        CHECK(pg::get_local_members(scope, 1) == std::vector<pid>{a, b, a});
        CHECK(pg::leave(scope, 1, std::vector<pid>{a, c}));
        CHECK(pg::get_members(scope, 1) == std::vector<pid>{b, a});
        CHECK_FALSE(pg::leave(scope, 1, std::vector<pid>{c, c}));
        CHECK_FALSE(pg::leave(scope, 2, a));
        pg::join(scope, 3, std::vector<pid>{});
        CHECK(pg::which_groups(scope) == std::vector<term>{1});
        co_return;
    });
}

TEST_CASE("a process of another node can be joined by its own node only") {
    simulated([](self) -> awaitable<void> {
        const pid afar{1, 1, node_index({atom("other@there"), 1})};
        CHECK(is_not_local([&] { pg::join(atom("scope"), 1, afar); }, afar));
        CHECK(is_not_local([&] { (void)pg::leave(atom("scope"), 1, afar); }, afar));
        co_return;
    });
}

TEST_CASE("who monitors a group is told of each change from then on, until demonitor") {
    auto watching = [](self me) -> awaitable<void> {
        const atom scope("scope");
        const pid a = spawn(idle), b = spawn(idle);
        pg::join(scope, 1, a);
        const pg::watched_group one = pg::monitor(scope, 1);
        const pg::watched_scope all = pg::monitor_scope(scope);
        CHECK(one.members == std::vector<pid>{a});
        CHECK(all.groups.at(1) == std::vector<pid>{a});
        pg::join(scope, 1, b);
        pg::joined_message j = co_await me.receive<pg::joined_message>();
        CHECK(j.monitor == one.monitor);
        CHECK(j.group == 1);
        CHECK(j.pids == std::vector<pid>{b});
        j = co_await me.receive<pg::joined_message>();
        CHECK(j.monitor == all.monitor);
        exit(a, atoms::kill);
        pg::left_message l = co_await me.receive<pg::left_message>();
        CHECK(l.pids == std::vector<pid>{a});
        l = co_await me.receive<pg::left_message>();
        CHECK(l.monitor == all.monitor);
        CHECK(pg::demonitor(scope, one.monitor));
        CHECK_FALSE(pg::demonitor(scope, one.monitor));
        pg::join(scope, 2, b);  // not of the group that was monitored
        CHECK(pg::leave(scope, 1, b));
        j = co_await me.receive<pg::joined_message>();
        CHECK(j.monitor == all.monitor);
        CHECK(j.group == 2);
        l = co_await me.receive<pg::left_message>();
        CHECK(l.monitor == all.monitor);
        CHECK_FALSE(me.try_receive());
    };
    simulated(watching);
    threaded(watching);
}

TEST_CASE("a monitor ends with who asked for it") {
    simulated([](self me) -> awaitable<void> {
        const pid watcher = spawn([](self w) -> process {
            (void)pg::monitor_scope(atom("scope"));
            (void)co_await w.receive<int>();
        });
        send(watcher, 1);
        co_await dies(me, watcher);
        pg::join(atom("scope"), 1, me.id());  // told to nobody
        CHECK_FALSE(me.try_receive());
    });
}
