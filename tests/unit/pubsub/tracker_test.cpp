#include "libbeamcore/pubsub/tracker.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/mesh.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/two_nodes.hpp"

using namespace beam;
using namespace std::chrono_literals;
using namespace test;
using tracker::presence;

namespace {

using network = std::shared_ptr<mesh>;

/// The tracker of a node of a mesh.
tracker::handle users(const std::string& node, unsigned shards = 1) {
    return {mesh::name(node, "users"), shards};
}

awaitable<void> start_tracker(network net, std::string node, unsigned shards = 1) {
    this_process().trap_exit(true);
    tracker::options o(users(node, shards));
    o.others = net->of(node);
    start_result r = co_await tracker::start_link(std::move(o));
    REQUIRE_MESSAGE(r.has_value(), to_string(r ? term() : r.error()));
}

/// Keys and sessions of a topic, sorted: `ann:web bob:app`.
std::string shown(const std::vector<presence>& list) {
    std::multiset<std::string> parts;
    for (const auto& p : list)
        parts.insert(std::string(p.key.bytes()) + ":" + std::string(p.session.bytes()));
    std::string text;
    for (const auto& p : parts) text += (text.empty() ? "" : " ") + p;
    return text;
}

/// What a message tells: `lobby: =+ann:web`, `lobby: -ann:web+bob:web`.
std::string shown(const tracker::news& n) {
    std::string text;
    for (const auto& d : n.topics) {
        text += std::string(d->topic.bytes()) + ":";
        if (!d->leaves.empty()) text += " -" + shown(d->leaves);
        if (!d->joins.empty()) text += " +" + shown(d->joins);
    }
    return n.whole ? "=" + text : text;
}

awaitable<std::string> next_news(self me) {
    std::optional<tracker::news> n = co_await me.receive_for<tracker::news>(30s);
    if (!n) co_return "nothing";
    co_return shown(*n);
}

/// Waits until the node shows that in the lobby, and gives what it shows at last.
awaitable<std::string> wait_until_shown(self me, tracker::handle t, std::string wanted) {
    const auto end = monotonic_time() + 30s;
    for (;;) {
        std::vector<presence> here = co_await tracker::list(t, "lobby");
        if (shown(here) == wanted || monotonic_time() > end) co_return shown(here);
        co_await me.sleep_for(1ms);
    }
}

awaitable<std::size_t> monitors_of(pid p) {
    auto details = co_await process_info_details(p);
    co_return details ? details->monitors.size() : 0;
}

std::string code_of(const result<tracker::dot>& r) {
    return r ? "ok" : r.error().code;
}

}  // namespace

TEST_CASE("TRK-01: who is tracked has a dot, which is in what is listed") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        const pid p = spawn(idle);
        auto made = co_await tracker::track(users("a"), p, "lobby", "ann", "web", 7);
        REQUIRE(made.has_value());
        std::vector<presence> here = co_await tracker::list(users("a"), "lobby");
        REQUIRE(here.size() == 1);
        CHECK(here[0].ref == *made);
        CHECK(here[0].meta == term(7));
        CHECK(here[0].process == p);
        CHECK(here[0].previous == 0);
        (void)me;
    });
}

TEST_CASE(
    "TRK-02: the same process, topic and key again is refused; another topic or key is fine") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        const tracker::handle t = users("a");
        auto r = co_await tracker::track(t, me.id(), "lobby", "ann", "web");
        CHECK(code_of(r) == "ok");
        r = co_await tracker::track(t, me.id(), "lobby", "ann", "app");
        CHECK(code_of(r) == "already_tracked");
        r = co_await tracker::track(t, me.id(), "lobby", "bob", "web");
        CHECK(code_of(r) == "ok");
        r = co_await tracker::track(t, me.id(), "attic", "ann", "web");
        CHECK(code_of(r) == "ok");
    });
}

TEST_CASE(
    "TRK-03, TRK-04: a topic is listed with an entry for each process, and a key's by itself") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        co_await start_tracker(net, "b");
        const pid p = spawn(idle), q = spawn(idle);
        (void)co_await tracker::track(users("a"), p, "lobby", "ann", "web", 1);
        (void)co_await tracker::track(users("a"), q, "lobby", "ann", "app", 2);
        (void)co_await tracker::track(users("b"), me.id(), "lobby", "bob", "web", 3);
        for (std::string node : {"a", "b"}) {
            std::string here =
                co_await wait_until_shown(me, users(node), "ann:app ann:web bob:web");
            CHECK(here == "ann:app ann:web bob:web");
            std::vector<presence> ann = co_await tracker::get(users(node), "lobby", "ann");
            REQUIRE(ann.size() == 2);
            CHECK(ann[0].process == p);
            CHECK(ann[0].meta == term(1));
            CHECK(ann[1].process == q);
            std::vector<presence> nobody = co_await tracker::get(users(node), "lobby", "eve");
            CHECK(nobody.empty());
            nobody = co_await tracker::list(users(node), "attic");
            CHECK(nobody.empty());
        }
    });
}

TEST_CASE(
    "TRK-05, TRK-16: the death of a tracked process is a leave everywhere, whatever its reason") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        co_await start_tracker(net, "b");
        std::string told;
        (void)co_await tracker::subscribe(users("b"), "lobby");
        told = co_await next_news(me);
        CHECK(told == "=");
        for (const term& reason : {term(atoms::normal), term(atoms::kill), term("any")}) {
            const pid p = spawn(idle);
            (void)co_await tracker::track(users("a"), p, "lobby", "ann", "web");
            (void)co_await tracker::track(users("a"), p, "lobby", "bob", "web");
            told = co_await next_news(me);
            CHECK(told == "lobby: +ann:web bob:web");
            if (reason == atoms::normal)
                exit(p, atoms::kill);  // idle ends of nothing else
            else
                exit(p, reason);
            told = co_await next_news(me);
            CHECK(told == "lobby: -ann:web bob:web");
        }
        // Dead before it was tracked.
        const pid gone = spawn(leaves, atoms::normal);
        const ref watched = monitor(gone);
        (void)co_await me.receive_if<down_message>(
            [watched](const down_message& d) { return d.monitor == watched; });
        (void)co_await tracker::track(users("a"), gone, "lobby", "eve", "web");
        std::string here = co_await wait_until_shown(me, users("a"), "");
        CHECK(here.empty());
    });
}

TEST_CASE("TRK-06: untracking one entry, all, or none; who has no entry left is not watched") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        const tracker::handle t = users("a");
        const pid shard = *whereis(tracker::shard_of(t, "lobby"));
        const pid p = spawn(idle);
        (void)co_await tracker::track(t, p, "lobby", "ann", "web");
        (void)co_await tracker::track(t, p, "lobby", "bob", "web");
        std::size_t monitors = co_await monitors_of(shard);
        CHECK(monitors == 1);
        co_await tracker::untrack(t, p, "lobby", "ann");
        std::vector<presence> here = co_await tracker::list(t, "lobby");
        CHECK(shown(here) == "bob:web");
        co_await tracker::untrack(t, p, "lobby", "ann");
        monitors = co_await monitors_of(shard);
        CHECK(monitors == 1);
        (void)co_await tracker::track(t, p, "attic", "ann", "web");
        co_await tracker::untrack_all(t, p);
        here = co_await tracker::list(t, "lobby");
        CHECK(here.empty());
        monitors = co_await monitors_of(shard);
        CHECK(monitors == 0);
        co_await tracker::untrack_all(t, p);
        (void)me;
    });
}

TEST_CASE("TRK-07: an update is a leave and a join in one, by a term or a function") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        const tracker::handle t = users("a");
        auto first = co_await tracker::track(t, me.id(), "lobby", "ann", "web", 1);
        (void)co_await tracker::subscribe(t, "lobby");
        (void)co_await next_news(me);
        auto second = co_await tracker::update(t, me.id(), "lobby", "ann", 2);
        REQUIRE(second.has_value());
        tracker::news n = co_await me.receive<tracker::news>();
        REQUIRE(n.topics.size() == 1);
        REQUIRE(n.topics[0]->joins.size() == 1);
        REQUIRE(n.topics[0]->leaves.size() == 1);
        CHECK(n.topics[0]->leaves[0].ref == *first);
        CHECK(n.topics[0]->leaves[0].meta == term(1));
        CHECK(n.topics[0]->joins[0].ref == *second);
        CHECK(n.topics[0]->joins[0].previous == first->counter);
        CHECK(n.topics[0]->joins[0].meta == term(2));
        callback<term(const term&)> more = [](const term& old) {
            return term(*old.as_int64() + 5);
        };
        auto third = co_await tracker::update_with(t, me.id(), "lobby", "ann", std::move(more));
        REQUIRE(third.has_value());
        std::vector<presence> now = co_await tracker::get(t, "lobby", "ann");
        CHECK(now.at(0).meta == term(7));
        callback<term(const term&)> bad = [](const term&) -> term { raise(atoms::badarg); };
        third = co_await tracker::update_with(t, me.id(), "lobby", "ann", std::move(bad));
        CHECK(code_of(third) == "bad_change");
        now = co_await tracker::get(t, "lobby", "ann");
        CHECK(now.at(0).meta == term(7));
    });
}

TEST_CASE("TRK-08: an update of what is not tracked") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        auto r = co_await tracker::update(users("a"), me.id(), "lobby", "ann", 2);
        CHECK(code_of(r) == "nopresence");
        callback<term(const term&)> change = [](const term&) -> term {
            FAIL_CHECK("called for nothing");
            return 1;
        };
        r = co_await tracker::update_with(users("a"), me.id(), "lobby", "ann", std::move(change));
        CHECK(code_of(r) == "nopresence");
    });
}

TEST_CASE("TRK-10: a tracker does not start with periods that cannot work") {
    simulated([](self me) -> awaitable<void> {
        me.trap_exit(true);
        tracker::options o(users("a"));
        o.periods.down_after = 1s;
        start_result r = co_await tracker::start_link(o);
        REQUIRE(!r.has_value());
        CHECK(r.error().elements()[0] == atom("bad_config"));
        CHECK(r.error().elements()[1] == atom("down_after_too_short"));
        tracker::options none(users("a", 0));
        r = co_await tracker::start_link(none);
        CHECK(r.error() == atoms::badarg);
    });
}

TEST_CASE("TRK-14: a tracker that is stopped says so, and its entries leave at once") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        co_await start_tracker(net, "b");
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "ann", "web");
        (void)co_await wait_until_shown(me, users("b"), "ann:web");
        (void)co_await tracker::subscribe(users("b"), "lobby");
        (void)co_await next_news(me);
        const auto before = monotonic_time();
        co_await tracker::stop(users("a"));
        std::string told = co_await next_news(me);
        CHECK(told == "lobby: -ann:web");
        CHECK(monotonic_time() - before < 100ms);
        std::vector<tracker::node_info> nodes = co_await tracker::nodes(users("b"));
        REQUIRE(nodes.size() == 2);
        CHECK(nodes[1].state == tracker::node_state::permdown);
    });
}

TEST_CASE("a tracker that is killed is hidden within down_after, and new when it is back") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        co_await start_tracker(net, "b");
        const pid p = spawn(idle);
        (void)co_await tracker::track(users("a"), p, "lobby", "ann", "web");
        (void)co_await wait_until_shown(me, users("b"), "ann:web");
        (void)co_await tracker::subscribe(users("b"), "lobby");
        (void)co_await next_news(me);
        const auto before = monotonic_time();
        exit(*whereis(users("a").name()), atoms::kill);
        std::string told = co_await next_news(me);
        CHECK(told == "lobby: -ann:web");
        CHECK(monotonic_time() - before <= 5001ms);
        while (whereis(tracker::shard_of(users("a"), "lobby"))) co_await me.yield();
        co_await start_tracker(net, "a");
        (void)co_await tracker::track(users("a"), p, "lobby", "bob", "web");
        told = co_await next_news(me);
        CHECK(told == "lobby: +bob:web");
    });
}

TEST_CASE("a shard that crashes is started again, and its old entries leave everywhere at once") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        co_await start_tracker(net, "b");
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "ann", "web");
        (void)co_await wait_until_shown(me, users("b"), "ann:web");
        (void)co_await tracker::subscribe(users("b"), "lobby");
        (void)co_await next_news(me);
        const auto before = monotonic_time();
        exit(*whereis(tracker::shard_of(users("a"), "lobby")), atoms::kill);
        std::string told = co_await next_news(me);
        CHECK(told == "lobby: -ann:web");
        CHECK(monotonic_time() - before < 100ms);
        while (!whereis(tracker::shard_of(users("a"), "lobby"))) co_await me.yield();
        auto again = co_await tracker::track(users("a"), me.id(), "lobby", "ann", "app");
        CHECK(code_of(again) == "ok");
        told = co_await next_news(me);
        CHECK(told == "lobby: +ann:app");
    });
}

TEST_CASE("TRK-17: users of the other side leave at a cut and are back after it") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        for (std::string node : {"a", "b", "c"}) co_await start_tracker(net, node);
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "ann", "web");
        (void)co_await tracker::track(users("b"), me.id(), "lobby", "bob", "web");
        (void)co_await tracker::track(users("c"), me.id(), "lobby", "eve", "web");
        for (std::string node : {"a", "b", "c"}) {
            std::string here =
                co_await wait_until_shown(me, users(node), "ann:web bob:web eve:web");
            CHECK(here == "ann:web bob:web eve:web");
        }
        (void)co_await tracker::subscribe(users("a"), "lobby");
        (void)co_await next_news(me);
        net->cut("a", "b");
        net->cut("a", "c");
        std::string told = co_await next_news(me);
        CHECK(told == "lobby: -bob:web eve:web");
        (void)co_await tracker::track(users("b"), me.id(), "lobby", "dan", "web");
        net->join("a", "b");
        told = co_await next_news(me);
        CHECK(told == "lobby: +bob:web dan:web");
        net->join("a", "c");
        told = co_await next_news(me);
        CHECK(told == "lobby: +eve:web");
        for (std::string node : {"a", "b", "c"}) {
            std::string here =
                co_await wait_until_shown(me, users(node), "ann:web bob:web dan:web eve:web");
            CHECK(here == "ann:web bob:web dan:web eve:web");
            tracker::state_counters n = co_await tracker::counters(users(node));
            CHECK(n.digest_mismatches == 0);
        }
    });
}

TEST_CASE("TRK-18: a topic is looked after by one shard, the same on all nodes") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a", 4);
        co_await start_tracker(net, "b", 4);
        std::set<std::string> used;
        const ref all = co_await tracker::subscribe_all(users("b", 4));
        for (int i = 0; i < 4; ++i) (void)co_await next_news(me);
        for (int i = 0; i < 12; ++i) {
            const std::string topic = "room" + std::to_string(i);
            (void)co_await tracker::track(users("a", 4), me.id(), topic, "ann", "web");
            std::string told = co_await next_news(me);
            CHECK(told == topic + ": +ann:web");
            const std::string here(tracker::shard_of(users("a", 4), topic).name());
            const std::string there(tracker::shard_of(users("b", 4), topic).name());
            CHECK(here.substr(1) == there.substr(1));
            used.insert(here);
        }
        CHECK(used.size() > 1);
        tracker::unsubscribe(users("b", 4), all);
        co_await tracker::untrack_all(users("a", 4), me.id());
        for (int i = 0; i < 12; ++i) {
            std::vector<presence> here =
                co_await tracker::list(users("a", 4), "room" + std::to_string(i));
            CHECK(here.empty());
        }
    });
}

TEST_CASE(
    "who waits until the others have it finds it there; who is not reached is waited for in vain") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        bool alone = co_await tracker::wait_seen(users("a"), "lobby");
        CHECK(alone);
        co_await start_tracker(net, "b");
        co_await start_tracker(net, "c");
        // Until they know each other.
        (void)co_await tracker::track(users("b"), me.id(), "lobby", "bob", "web");
        (void)co_await tracker::track(users("c"), me.id(), "lobby", "eve", "web");
        (void)co_await wait_until_shown(me, users("a"), "bob:web eve:web");
        const auto before = monotonic_time();
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "ann", "web");
        bool seen = co_await tracker::wait_seen(users("a"), "lobby");
        CHECK(seen);
        CHECK(monotonic_time() - before < 5ms);
        for (std::string node : {"b", "c"}) {
            std::vector<presence> ann = co_await tracker::get(users(node), "lobby", "ann");
            CHECK(ann.size() == 1);
        }
        seen = co_await tracker::wait_seen(users("a"), "lobby");
        CHECK(seen);
        net->cut("a", "c", false);
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "dan", "web");
        const auto asked = monotonic_time();
        seen = co_await tracker::wait_seen(users("a"), "lobby");
        CHECK_FALSE(seen);
        CHECK(monotonic_time() - asked >= 1s);
        CHECK(monotonic_time() - asked < 1010ms);
    });
}

TEST_CASE("a kick removes a user's sessions on all nodes and tells their processes") {
    simulated([](self me) -> awaitable<void> {
        const network net = mesh::make();
        co_await start_tracker(net, "a");
        co_await start_tracker(net, "b");
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "ann", "web");
        (void)co_await tracker::track(users("b"), me.id(), "lobby", "ann", "app");
        (void)co_await tracker::track(users("b"), me.id(), "lobby", "bob", "app");
        (void)co_await wait_until_shown(me, users("b"), "ann:app ann:web bob:app");
        std::uint64_t count = co_await tracker::kick(users("b"), "lobby", "ann");
        CHECK(count == 2);
        for (int i = 0; i < 2; ++i) {
            tracker::kicked k = co_await me.receive<tracker::kicked>();
            CHECK(k.key == term("ann"));
        }
        for (std::string node : {"a", "b"}) {
            std::string here = co_await wait_until_shown(me, users(node), "bob:app");
            CHECK(here == "bob:app");
        }
    });
}

TEST_CASE("who subscribed and died, or unsubscribed, is told nothing more") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        const tracker::handle t = users("a");
        const pid shard = *whereis(tracker::shard_of(t, "lobby"));
        const ref one = co_await tracker::subscribe(t, "lobby");
        const ref two = co_await tracker::subscribe(t, "lobby");
        (void)co_await next_news(me);
        (void)co_await next_news(me);
        tracker::unsubscribe(t, one);
        tracker::unsubscribe(t, one);  // unknown now
        const pid listener = spawn(
            [](self s, tracker::handle from, pid parent) -> process {
                (void)co_await tracker::subscribe(from, "lobby");
                send(parent, done{});
                co_await s.sleep_for(infinity{});
            },
            t, me.id());
        (void)co_await me.receive<done>();
        std::size_t monitors = co_await monitors_of(shard);
        CHECK(monitors == 2);
        exit(listener, atoms::kill);
        (void)co_await tracker::track(t, me.id(), "lobby", "ann", "web");
        tracker::news n = co_await me.receive<tracker::news>();
        CHECK(n.subscription == two);
        do {
            monitors = co_await monitors_of(shard);
        } while (monitors != 2);  // mine, and the tracked one
        CHECK(mailbox(me) == list({}));
    });
}

TEST_CASE("what is no message of a tracker does it no harm") {
    simulated([](self me) -> awaitable<void> {
        co_await start_tracker(mesh::make(), "a");
        const pid shard = *whereis(tracker::shard_of(users("a"), "lobby"));
        for (const char* text :
             {"hello", "{beam_tracker,9,{heartbeat,#{}}}", "{beam_tracker,1,{delta,#{to => -1}}}",
              "{beam_tracker,1,{delta,#{node => x,incarnation => 1,from => 0,to => "
              "18446744073709551615}}}",
              "{beam_tracker,1,{full,#{node => x,incarnation => 1,at => 5,count => 0}}}",
              "{beam_tracker,1,{full,#{node => x,incarnation => 1,at => 5,count => 4294967295}}}"})
            send(shard, *parse_term(text));
        (void)co_await tracker::track(users("a"), me.id(), "lobby", "ann", "web");
        std::vector<presence> here = co_await tracker::list(users("a"), "lobby");
        CHECK(here.size() == 1);
        CHECK(whereis(tracker::shard_of(users("a"), "lobby")) == shard);
        tracker::state_counters n = co_await tracker::counters(users("a"));
        CHECK(n.bad_messages == 3);
    });
}

TEST_CASE("trackers of two nodes find each other by the runtime's own connections") {
    two_nodes n;
    auto keeper = [](self me, std::string key) -> process {
        me.trap_exit(true);
        start_result r = co_await tracker::start_link(tracker::options("users"));
        REQUIRE(r.has_value());
        (void)co_await tracker::track("users", me.id(), "lobby", key, "web");
        co_await me.sleep_for(infinity{});
    };
    const pid of_a = n.a.spawn(keeper, std::string("ann"));
    const pid of_b = n.in_a(n.b.spawn(keeper, std::string("bob")));
    run_in(
        n.a,
        [](self me, pid here, pid there) -> awaitable<void> {
            while (!whereis(tracker::shard_of("users", "lobby"))) co_await me.yield();
            std::string shown_here = co_await wait_until_shown(me, "users", "ann:web bob:web");
            REQUIRE(shown_here == "ann:web bob:web");
            std::vector<presence> ann = co_await tracker::get("users", "lobby", "ann");
            std::vector<presence> bob = co_await tracker::get("users", "lobby", "bob");
            CHECK(ann[0].process == here);
            CHECK(bob[0].process == there);
            CHECK(bob[0].ref.node == two_nodes::id_b.name);
        },
        of_a, of_b);
}

TEST_CASE("trackers on threads agree after sessions come and go on all of them") {
    threaded([](self me) -> awaitable<void> {
        const network net = mesh::make();
        const std::vector<std::string> all = {"a", "b", "c"};
        for (const auto& node : all) co_await start_tracker(net, node);
        auto visitor = [](self s, std::string node, int number) -> process {
            const std::string session = std::to_string(number);
            (void)co_await tracker::track(users(node), s.id(), "lobby", "user" + session, session);
            if (number % 3 == 0)
                (void)co_await tracker::update(users(node), s.id(), "lobby", "user" + session,
                                               number);
            if (number % 10 != 0) exit(atom("enough"));
            co_await s.sleep_for(infinity{});
        };
        std::string expected;
        std::multiset<std::string> stay;
        for (int i = 0; i < 300; ++i) {
            spawn(visitor, all[std::size_t(i) % 3], i);
            if (i % 10 == 0) stay.insert("user" + std::to_string(i) + ":" + std::to_string(i));
        }
        for (const auto& s : stay) expected += (expected.empty() ? "" : " ") + s;
        for (const auto& node : all) {
            std::string here = co_await wait_until_shown(me, users(node), expected);
            CHECK(here == expected);
            tracker::state_counters n = co_await tracker::counters(users(node));
            CHECK(n.digest_mismatches == 0);
            CHECK(n.bad_messages == 0);
        }
    });
}
