#include "libbeamcore/otp/pg.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/two_nodes.hpp"

using namespace beam;
using namespace std::chrono_literals;
using test::run_in;
using test::two_nodes;

namespace {

const atom rooms("rooms");

// Shares the scope until it is told to leave.
process sharer(self me) {
    outcome<pid> p = pg::start_link(rooms);
    CHECK_MESSAGE(p, to_string(p ? term() : p.error()));
    register_name(atom("sharer"), me.id());
    (void)co_await me.receive<atom>();
    exit(atoms::shutdown);
}

void share(runtime& node) {
    node.spawn(sharer);
    test::await_name(node, "sharer");
}

// Waits until so many are in the group.
awaitable<std::vector<pid>> members(self me, term group, std::size_t count) {
    const pg::watched_group watched = pg::monitor(rooms, group);
    for (;;) {
        std::vector<pid> now = pg::get_members(rooms, group);
        if (now.size() == count) {
            (void)pg::demonitor(rooms, watched.monitor);
            co_return now;
        }
        message m = co_await me.receive_for(30s);
        if (!m) FAIL("there are " << now.size() << " members, not " << count);
    }
}

awaitable<void> see(self me, term group, std::size_t count) {
    auto seeing = members(me, std::move(group), count);
    (void)co_await seeing;
}

// So many of the group's members are of this node.
awaitable<void> join_some(self me, term group, int count) {
    for (int i = 0; i < count; ++i) pg::join(rooms, group, spawn(test::idle));
    CHECK(pg::get_local_members(rooms, group).size() == std::size_t(count));
    (void)me;
    co_return;
}

awaitable<void> kill_local(self, term group) {
    exit(pg::get_local_members(rooms, group).front(), atoms::kill);
    co_return;
}

awaitable<void> leave_once(self, term group) {
    CHECK(pg::leave(rooms, group, pg::get_local_members(rooms, group).front()));
    co_return;
}

}  // namespace

TEST_CASE("a shared scope has one process, of its name") {
    test::simulated([](self) -> awaitable<void> {
        outcome<pid> p = pg::start_link(rooms);
        REQUIRE(p.has_value());
        CHECK(whereis(rooms) == *p);
        outcome<pid> again = pg::start_link(rooms);
        CHECK(again.error() == tuple(atoms::already_started, *p));
        co_return;
    });
}

TEST_CASE("who joins on one node is seen on the other, before and after the scope is shared") {
    two_nodes n;
    run_in(n.a, join_some, term(1), 2);
    share(n.a);
    run_in(n.b, see, term(1), std::size_t(0));
    share(n.b);
    run_in(n.b, see, term(1), std::size_t(2));
    run_in(n.b, join_some, term(1), 1);
    run_in(n.a, see, term(1), std::size_t(3));
    run_in(n.a, [](self) -> awaitable<void> {
        CHECK(pg::get_local_members(rooms, 1).size() == 2);
        CHECK(pg::which_groups(rooms) == std::vector<term>{1});
        co_return;
    });
}

TEST_CASE(
    "who leaves or dies on one node is gone on the other; twice in a group is twice everywhere") {
    two_nodes n;
    share(n.a);
    share(n.b);
    run_in(n.a, [](self) -> awaitable<void> {
        const pid p = spawn(test::idle);
        pg::join(rooms, 1, std::vector<pid>{p, p});
        pg::join(rooms, 2, std::vector<pid>{p, spawn(test::idle)});
        co_return;
    });
    run_in(n.b, see, term(1), std::size_t(2));
    run_in(n.a, leave_once, term(1));
    run_in(n.b, see, term(1), std::size_t(1));
    run_in(n.b, see, term(2), std::size_t(2));
    run_in(n.a, kill_local, term(1));
    run_in(n.b, see, term(1), std::size_t(0));
    run_in(n.b, see, term(2), std::size_t(1));
}

TEST_CASE("when a node shares no longer its members are gone elsewhere, and here those of others") {
    two_nodes n;
    share(n.a);
    share(n.b);
    run_in(n.a, join_some, term(1), 2);
    run_in(n.b, join_some, term(1), 1);
    run_in(n.a, see, term(1), std::size_t(3));
    run_in(n.b, see, term(1), std::size_t(3));
    run_in(n.a, [](self me) -> awaitable<void> {
        send(server_ref(atom("sharer")), atom("leave"));
        auto seeing = members(me, 1, 2);
        const std::vector<pid> left = co_await seeing;
        CHECK(std::all_of(left.begin(), left.end(), [](const pid& p) { return p.is_local(); }));
        while (whereis(rooms)) co_await me.yield();
    });
    run_in(n.b, see, term(1), std::size_t(1));
    // Shared again, all are back.
    n.a.spawn(sharer);
    run_in(n.a, see, term(1), std::size_t(3));
    run_in(n.b, see, term(1), std::size_t(3));
}

TEST_CASE("what is not of pg's protocol leaves a shared scope as it is") {
    two_nodes n;
    share(n.a);
    share(n.b);
    run_in(n.b, join_some, term(1), 1);
    run_in(n.a, see, term(1), std::size_t(1));
    run_in(n.b, [](self me) -> awaitable<void> {
        const server_ref theirs(rooms, two_nodes::id_a.name);
        send(theirs, term(17));
        send(theirs, tuple(atom("join"), me.id(), 1, list({me.id()})));  // of nobody it knows
        send(theirs, tuple(atom("join"), *whereis(rooms), 1, list({1, atom("x")})));
        send(theirs, tuple(atom("leave"), *whereis(rooms), me.id(), list({1, 2})));
        send(theirs, tuple(atom("leave"), *whereis(rooms), me.id(), atom("x")));
        cast<term>(theirs, tuple(atom("sync"), *whereis(rooms), atom("x")));
        pg::join(rooms, 2, spawn(test::idle));
        co_return;
    });
    run_in(n.a, see, term(2), std::size_t(1));
    run_in(n.a, see, term(1), std::size_t(1));
}
