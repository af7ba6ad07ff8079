// What every coordinator promises, whatever is behind it.
#include <atomic>
#include <thread>

#include "tests/unit/tools_kv_coordinator/etcd_servers.hpp"

using namespace test;
using kv::change_outcome;

#define BACKENDS local_world, etcd_world

TEST_CASE_TEMPLATE("where nothing was created there is no cluster, and nothing can be done", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open();
    CHECK_FALSE(value_of(c->snapshot()).has_cluster());
    CHECK(code_of(c->read({0})) == "no_cluster");
    CHECK(code_of(c->change({{0, {}, 0}})) == "no_cluster");
    CHECK(code_of(c->join(life_of("nodeA", 1))) == "no_cluster");
    CHECK(code_of(c->write_plan({}, 0)) == "no_cluster");
    CHECK(code_of(c->leave()) == "ok");
}

TEST_CASE_TEMPLATE("a cluster is created once, and is then as it was given", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open(), b = world.open("nodeB");
    kv::first_cluster first = three_nodes(200);
    first.meta.out_after = 42s;
    value_of(a->create(first));
    kv::first_cluster other = three_nodes(4);
    other.meta.uuid = "cluster-2";
    const auto again = b->create(other);
    CHECK(code_of(again) == "exists");
    CHECK(again.error().detail == "cluster-1");

    const kv::cluster_view v = value_of(b->snapshot());
    CHECK(v.meta == first.meta);
    CHECK(v.plan == first.plan);
    CHECK(v.plan_rev > 0);
    CHECK(v.rev >= v.plan_rev);
    REQUIRE(v.records.size() == 200);
    for (std::size_t s = 0; s < 200; ++s) {
        CHECK(v.records[s].record == first.records[s]);
        CHECK(v.records[s].rev > 0);
    }
    REQUIRE(v.stores.size() == 3);
    CHECK(v.node_of(store_of(2)) == "nodeB");
    CHECK(v.store_of("nodeC")->id == store_of(3));
    CHECK(v.members.empty());
    CHECK((v.plan_of(4) == std::vector<kv::store_id>{store_of(2), store_of(3)}));
    CHECK((v.nodes_in() == std::vector<std::string>{"nodeA", "nodeB", "nodeC"}));
}

TEST_CASE_TEMPLATE("what can be no cluster is refused", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open();
    kv::first_cluster f = three_nodes();
    f.records.pop_back();
    CHECK(code_of(c->create(f)) == "bad_cluster");
    f = three_nodes();
    f.records[1].primary = store_of(9);
    CHECK(code_of(c->create(f)) == "bad_cluster");
    f = three_nodes();
    f.records[1].isr.push_back(store_of(9));
    CHECK(code_of(c->create(f)) == "bad_cluster");
    f = three_nodes();
    f.records[2].epoch = 0;
    CHECK(code_of(c->create(f)) == "bad_cluster");
    f = three_nodes();
    f.meta.out_after = 999ms;
    CHECK(code_of(c->create(f)) == "bad_cluster");
    CHECK_FALSE(value_of(c->snapshot()).has_cluster());
}

TEST_CASE_TEMPLATE("a record changes only from the revision that is expected", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open(), b = world.open("nodeB");
    value_of(a->create(three_nodes()));
    const kv::known_record before = value_of(a->read({3}))[0];
    const kv::shard_record mine = before.record.next(store_of(1)),
                           theirs = before.record.next(store_of(2));

    const auto made = value_of(a->change({{3, mine, before.rev}}))[0];
    CHECK(made.outcome == change_outcome::made);
    CHECK(made.now.record == mine);
    CHECK(made.now.rev > before.rev);

    const auto refused = value_of(b->change({{3, theirs, before.rev}}))[0];
    CHECK(refused.outcome == change_outcome::refused);
    CHECK(refused.now.record == mine);
    CHECK(refused.now.rev == made.now.rev);
    CHECK(value_of(b->read({3}))[0].record == mine);
    CHECK(value_of(b->snapshot()).records[3].rev == made.now.rev);
}

TEST_CASE_TEMPLATE("of several changes each is made or refused for itself", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open();
    constexpr std::uint32_t shards = 150;  // more than one transaction of etcd takes
    value_of(c->create(three_nodes(shards)));
    const auto before = value_of(c->snapshot()).records;
    std::vector<kv::record_swap> asked;
    for (std::uint32_t s = 0; s < shards; ++s)
        asked.push_back(
            {s, before[s].record.next(store_of(1)), before[s].rev + (s % 3 == 0 ? 1 : 0)});
    const auto answers = value_of(c->change(asked));
    const auto after = value_of(c->snapshot()).records;
    REQUIRE(answers.size() == shards);
    for (std::uint32_t s = 0; s < shards; ++s) {
        CAPTURE(s);
        const bool is_wrong = s % 3 == 0;
        CHECK(answers[s].outcome == (is_wrong ? change_outcome::refused : change_outcome::made));
        CHECK(answers[s].now.record == (is_wrong ? before[s].record : asked[s].target));
        CHECK(after[s].record == answers[s].now.record);
        CHECK(after[s].rev == answers[s].now.rev);
    }
    CHECK(code_of(c->read({0, shards})) == "no_shard");
    CHECK(code_of(c->change({{shards, asked[0].target, 1}})) == "no_shard");
    CHECK(value_of(c->change({})).empty());
    CHECK(value_of(c->read({})).empty());
}

TEST_CASE_TEMPLATE("changes by several at once: none is lost, each follows the one before", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    value_of(world.open()->create(three_nodes(2)));
    constexpr int rounds = 40;
    std::atomic<int> made{0};
    std::vector<std::thread> writers;
    for (std::uint64_t w = 1; w <= 3; ++w)
        writers.emplace_back([&, w] {
            const auto c = world.open("node" + std::to_string(w));
            for (int mine = 0; mine < rounds;) {
                auto known = c->read({0, 1});
                if (!known) return;
                auto done = c->change({{0, (*known)[0].record.next(store_of(w)), (*known)[0].rev},
                                       {1, (*known)[1].record.next(store_of(w)), (*known)[1].rev}});
                if (!done) return;
                for (const auto& d : *done)
                    if (d.outcome == change_outcome::made) ++made, ++mine;
            }
        });
    for (auto& w : writers) w.join();
    const auto v = value_of(world.open()->snapshot());
    CHECK(made >= 3 * rounds);
    CHECK(v.records[0].record.epoch + v.records[1].record.epoch == 2 + std::uint64_t(made));
}

TEST_CASE_TEMPLATE("the plan is written by the first who follows it", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open(), b = world.open("nodeB");
    value_of(a->create(three_nodes()));
    const auto v = value_of(a->snapshot());
    const kv::plan next = kv::next_plan(v.plan, {"nodeA", "nodeB"}, 2);
    const std::uint64_t rev = value_of(a->write_plan(next, v.plan_rev));
    CHECK(rev > v.plan_rev);
    CHECK(code_of(b->write_plan(v.plan, v.plan_rev)) == "conflict");
    const auto now = value_of(b->snapshot());
    CHECK(now.plan == next);
    CHECK(now.plan_rev == rev);
}

TEST_CASE_TEMPLATE("a store's state is set by the first who has seen the last one", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open(), b = world.open("nodeB");
    value_of(a->create(three_nodes()));
    const auto seen = *value_of(a->snapshot()).find_store(store_of(2));
    const auto rev = value_of(a->set_store_state(store_of(2), kv::store_state::out, seen.rev));
    CHECK(code_of(b->set_store_state(store_of(2), kv::store_state::draining, seen.rev)) ==
          "conflict");
    CHECK(code_of(b->set_store_state(store_of(9), kv::store_state::out, 1)) == "no_store");
    const auto v = value_of(b->snapshot());
    CHECK(v.find_store(store_of(2))->state == kv::store_state::out);
    CHECK(v.find_store(store_of(2))->rev == rev);
    CHECK(v.find_store(store_of(2))->order == seen.order);
    CHECK((v.nodes_in() == std::vector<std::string>{"nodeA", "nodeC"}));
}

TEST_CASE_TEMPLATE("a name has one holder; who is second is told by whom it is held", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open(), b = world.open("nodeA");
    value_of(a->create(three_nodes()));
    const kv::join_request first = life_of("nodeA", 1);
    value_of(a->join(first));
    const auto second = b->join(life_of("nodeA", 9));
    CHECK(code_of(second) == "name_taken");
    CHECK(second.error().detail.find("00000000000000010000000000000001") != std::string::npos);
    CHECK(code_of(b->join(life_of("nodeD", 1))) == "store_taken");
    // What was refused has left no trace.
    auto v = value_of(b->snapshot());
    REQUIRE(v.members.size() == 1);
    CHECK(v.members[0] == kv::member{"nodeA", store_of(1), first.incarnation, "127.0.0.1:1", true});
    CHECK(v.node_of(store_of(1)) == "nodeA");

    value_of(a->leave());
    v = value_of(b->snapshot());
    CHECK_FALSE(v.find_member("nodeA")->is_alive);
    CHECK(v.find_member("nodeA")->incarnation == first.incarnation);
    value_of(b->join(life_of("nodeA", 1, 77)));
    v = value_of(a->snapshot());
    CHECK(v.find_member("nodeA")->is_alive);
    CHECK(v.find_member("nodeA")->incarnation == 77);
}

TEST_CASE_TEMPLATE(
    "a life that was not ended goes on without its coordinator, until the next one says so", W,
    BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open("nodeB");
    value_of(c->create(three_nodes()));
    value_of(world.open()->join(life_of("nodeA", 1, 5)));
    CHECK(value_of(c->snapshot()).find_member("nodeA")->is_alive);
    kv::join_request again = life_of("nodeA", 1, 6);
    again.ended_incarnation = 5;
    const auto next = world.open();
    value_of(next->join(again));
    const auto v = value_of(c->snapshot());
    CHECK(v.find_member("nodeA")->incarnation == 6);
    CHECK(v.find_member("nodeA")->is_alive);
    value_of(next->leave());
}

TEST_CASE_TEMPLATE("the newest store of a node is the one it has; a removed one cannot join", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open();
    value_of(a->create(three_nodes()));
    value_of(a->join(life_of("nodeA", 4)));
    auto v = value_of(a->snapshot());
    REQUIRE(v.stores.size() == 4);
    CHECK(v.store_of("nodeA")->id == store_of(4));
    CHECK(v.store_of("nodeA")->state == kv::store_state::in);
    CHECK(v.plan_of(0)[0] == store_of(4));
    value_of(a->leave());
    const auto rev = v.find_store(store_of(4))->rev;
    value_of(a->set_store_state(store_of(4), kv::store_state::removed, rev));
    CHECK(code_of(a->join(life_of("nodeA", 4))) == "removed");
    CHECK(code_of(a->join(life_of("no/de", 1))) == "bad_name");
    CHECK(code_of(a->join(life_of("", 1))) == "bad_name");
    CHECK(code_of(a->join(life_of("..", 1))) == "bad_name");
    CHECK(code_of(a->join({"nodeA", {}, 1, "x", 0})) == "bad_store");
}

TEST_CASE_TEMPLATE("a store that is what is left of another says so, and its node when it syncs", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open();
    value_of(a->create(three_nodes()));
    kv::join_request left = life_of("nodeA", 4);
    left.after = store_of(1);
    left.sync = "interval=20ms";
    auto v = value_of(a->snapshot());
    value_of(
        a->set_store_state(store_of(1), kv::store_state::draining, v.find_store(store_of(1))->rev));
    value_of(a->join(left));
    v = value_of(a->snapshot());
    CHECK(v.find_store(store_of(4))->state == kv::store_state::draining);
    CHECK(v.find_store(store_of(4))->after == store_of(1));
    CHECK(v.find_member("nodeA")->sync == "interval=20ms");
    REQUIRE(v.heir_of(store_of(1)) != nullptr);
    CHECK(v.heir_of(store_of(1))->id == store_of(4));
    CHECK(v.heir_of(store_of(2)) == nullptr);
    CHECK(v.heir_of(store_of(4)) == nullptr);
    value_of(a->leave());
}

TEST_CASE_TEMPLATE("recover writes the next epoch, whoever was in the set", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open();
    value_of(c->create(three_nodes()));
    const auto before = value_of(c->read({0}))[0];
    const auto made = value_of(c->overwrite_record(0, store_of(3), {store_of(3)}, before.rev));
    CHECK(made.record == kv::shard_record{before.record.epoch + 1, store_of(3), {store_of(3)}});
    CHECK(value_of(c->read({0}))[0].record.follows(before.record));
    CHECK(value_of(c->read({0}))[0].record == made.record);
    CHECK(value_of(c->read({0}))[0].rev == made.rev);
    CHECK(code_of(c->overwrite_record(0, store_of(3), {store_of(3)}, before.rev)) == "conflict");
    CHECK(code_of(c->overwrite_record(0, store_of(3), {store_of(1)}, made.rev)) == "bad_record");
    CHECK(code_of(c->overwrite_record(99, store_of(3), {store_of(3)}, 1)) == "no_shard");
}

TEST_CASE_TEMPLATE("another cluster than the one known is refused, and an empty one is a loss", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto known = world.open("nodeA", "cluster-0");
    CHECK(code_of(known->snapshot()) == "lost");
    CHECK(code_of(known->join(life_of("nodeA", 1))) == "lost");
    CHECK(code_of(known->create(three_nodes())) == "wrong_cluster");
    value_of(world.open()->create(three_nodes()));
    CHECK(code_of(known->snapshot()) == "wrong_cluster");
    CHECK(code_of(known->read({0})) == "wrong_cluster");
    CHECK(code_of(known->change({{0, {}, 1}})) == "wrong_cluster");
    CHECK(value_of(world.open("nodeA", "cluster-1")->snapshot()).has_cluster());
}

TEST_CASE_TEMPLATE("a cluster that was lost is made again under its own name, with later epochs", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open("nodeA", "cluster-1");
    CHECK(code_of(c->read({0})) == "lost");
    kv::first_cluster again = three_nodes();
    for (auto& r : again.records) r.epoch = 9;
    value_of(c->create(again));
    CHECK(value_of(c->read({0}))[0].record.epoch == 9);
    CHECK(value_of(c->snapshot()).meta.uuid == "cluster-1");
}

TEST_CASE_TEMPLATE("an earlier state that is marked is believed by nobody, until it is replaced", W,
                   BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto knows = world.open("nodeA"), late = world.open("nodeB");
    value_of(knows->create(three_nodes()));
    value_of(knows->join(life_of("nodeA", 1)));
    const auto v = value_of(knows->snapshot());
    value_of(late->snapshot());
    // Not marked, it is replaced by nobody.
    kv::first_cluster again = three_nodes();
    for (auto& r : again.records) r.epoch = 9;
    again.meta.recoveries = 1;
    again.stores.pop_back();
    for (auto& r : again.records) r = {9, store_of(1), {store_of(1)}};
    CHECK(code_of(knows->create(again)) == "conflict");
    auto other = v.meta;
    other.copies = 3;
    CHECK(code_of(knows->mark_outdated(other, "why")) == "conflict");
    CHECK(value_of(knows->snapshot()).meta == v.meta);

    value_of(knows->mark_outdated(v.meta, "shard 1 is old"));
    value_of(late->mark_outdated(v.meta, "another reason"));
    const kv::record_swap next{0, v.records[0].record.next(store_of(1)), v.records[0].rev};
    const auto fresh_one = world.open("nodeC");
    for (auto* c : {knows.get(), late.get(), fresh_one.get()}) {
        CHECK(value_of(c->snapshot()).meta.outdated == "shard 1 is old");
        CHECK(code_of(c->read({0})) == "outdated");
        CHECK(code_of(c->change({next})) == "outdated");
        CHECK(code_of(c->join(life_of("nodeD", 9))) != "ok");
        CHECK(code_of(c->write_plan(v.plan, v.plan_rev)) == "outdated");
        CHECK(code_of(c->retire("http://h1:2379")) == "outdated");
    }
    // By the same cluster alone, with a later recovery.
    CHECK(code_of(world.open()->create(three_nodes())) == "exists");
    kv::first_cluster stranger = again;
    stranger.meta.uuid = "cluster-9";
    CHECK(code_of(world.open()->create(stranger)) == "exists");
    const auto fresh = world.open("nodeA", "cluster-1");
    value_of(fresh->create(again));
    const auto now = value_of(fresh->snapshot());
    CHECK(now.meta == again.meta);
    CHECK(now.stores.size() == 2);
    CHECK(now.members.empty());
    CHECK(now.records[5].record == again.records[5]);
    CHECK(code_of(fresh->create(again)) == "exists");
    // Who knew it before begins anew.
    CHECK(code_of(knows->snapshot()) == "recovered");
    CHECK(code_of(late->read({0})) == "recovered");
    CHECK(code_of(late->change({next})) == "recovered");
}

TEST_CASE_TEMPLATE("who waits is woken by a change, and not before", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto a = world.open(), b = world.open("nodeB");
    value_of(a->create(three_nodes()));
    const auto v = value_of(b->snapshot());
    while (b->wait(v.rev, in(50ms))) {
    }  // what came before that is told
    std::atomic<bool> is_made{false};
    std::thread writer([&] {
        const auto r = value_of(a->read({0}))[0];
        is_made = true;
        value_of(a->change({{0, r.record.next(store_of(2)), r.rev}}));
    });
    CHECK(b->wait(v.rev, in(10s)));
    CHECK(is_made);
    writer.join();
    CHECK(look_until(*b, [&](const auto& n) { return n.rev > v.rev; }).records[0].record.epoch ==
          2);
}

TEST_CASE_TEMPLATE("an interrupt ends a wait at once, and all that is asked later", W, BACKENDS) {
    const W world;
    if (!W::is_there()) return;
    const auto c = world.open();
    value_of(c->create(three_nodes()));
    const auto v = value_of(c->snapshot());
    const auto end = in(10s);
    std::thread other([&] { c->interrupt(); });
    while (!c->wait(v.rev, end) || c->snapshot().has_value()) {
    }
    other.join();
    CHECK(std::chrono::steady_clock::now() < end);
    CHECK(code_of(c->snapshot()) == "unreachable");
    CHECK(code_of(c->read({0})) == "unreachable");
}
