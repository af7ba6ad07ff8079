// What shows that a coordinator has gone back, and what does not.
#include "tools/kv/coordinator/cluster_memory.hpp"

#include <doctest/doctest.h>

#include "tests/unit/tools_kv_coordinator/clusters.hpp"

using namespace test;

namespace {

/// As three_nodes() makes it, with some history: shard 1 has changed twice, the second plan is written.
kv::cluster_view later_view() {
    const kv::first_cluster first = three_nodes();
    kv::cluster_view v;
    v.rev = 40;
    v.meta = first.meta;
    v.stores = first.stores;
    v.plan = first.plan;
    v.plan.number = 2;
    v.plan_rev = 30;
    for (const kv::shard_record& r : first.records) v.records.push_back({r, 10});
    v.records[1] = {v.records[1].record.next(store_of(3)).next(store_of(2)), 40};
    return v;
}

std::string older(const kv::cluster_view& now, const kv::cluster_view& before) {
    return kv::what_is_older(now, {"nodeB", std::make_shared<const kv::cluster_view>(before), {}});
}
std::string older(const kv::cluster_view& now, kv::shard_memory before) {
    return kv::what_is_older(now, {"nodeB", nullptr, {std::move(before)}});
}

}  // namespace

TEST_CASE("the same state, and each later one, is not older") {
    const auto before = later_view();
    CHECK(older(before, before).empty());
    auto now = before;
    now.rev = 90;
    now.records[1].record = now.records[1].record.next(store_of(3)).without(store_of(2));
    now.plan.number = 3;
    now.stores.push_back({store_of(4), "nodeB", kv::store_state::in, 1, 4, 90});
    now.stores[0].state = kv::store_state::removed;
    CHECK(older(now, before).empty());
    now.stores[0].state = kv::store_state::in;  // taken back
    CHECK(older(now, before).empty());
    CHECK(kv::what_is_older(now, {"nodeB", nullptr, {}}).empty());
}

TEST_CASE("an epoch that fell is told, with both") {
    const auto before = later_view();
    auto now = before;
    now.records[1].record = three_nodes().records[1];
    CHECK(older(now, before) == "shard 1 is at epoch 1, and nodeB has seen 3");
    // However high the revision is: another etcd's, or one that others write to.
    now.rev = 1000;
    CHECK_FALSE(older(now, before).empty());
}

TEST_CASE("another record of the same epoch is another history") {
    const auto before = later_view();
    auto now = before;
    now.records[1].record.isr = {store_of(2)};
    CHECK(older(now, before) == "shard 1 has another record at epoch 3 than nodeB has seen");
}

TEST_CASE("so is a plan whose number fell, a store that is missing, a recovery that was not made") {
    const auto before = later_view();
    auto now = before;
    now.plan.number = 1;
    CHECK(older(now, before) == "its plan is number 1, and nodeB has seen 2");
    now = before;
    now.stores.pop_back();
    CHECK(older(now, before) == "a store of nodeC is missing that nodeB has seen");
    auto recovered = before;
    recovered.meta.recoveries = 1;
    CHECK(older(before, recovered) == "its recoveries are 0, and nodeB has seen 1");
}

TEST_CASE("a cluster that was moved has other revisions, and nothing else is older") {
    const auto before = later_view();
    auto now = before;
    now.rev = 7;
    now.plan_rev = 7;
    for (auto& r : now.records) r.rev = 7;
    for (auto& s : now.stores) s.rev = 7;
    CHECK(older(now, before).empty());
    // The place that it was moved from is not judged: it says where the cluster is.
    now.records[1].record = three_nodes().records[1];
    now.meta.moved_to = "http://h1:2379";
    CHECK(older(now, before).empty());
}

TEST_CASE("what a recovery has made anew is compared by its epochs alone") {
    const auto before = later_view();
    auto now = before;
    now.meta.recoveries = 1;
    now.plan.number = 1;  // the last plan was on a store that did not answer
    now.stores.pop_back();
    for (auto& r : now.records) r.record.epoch += 1'000'000;
    CHECK(older(now, before).empty());
    now.records[0].record.epoch = 0;
    CHECK_FALSE(older(now, before).empty());
}

TEST_CASE("an entry of the log, or the record under which a store acted, shows it without a view") {
    const auto now = later_view();
    const kv::shard_record is = now.records[1].record;
    CHECK(older(now, {1, 3, {}}).empty());
    CHECK(older(now, {1, 4, {}}) == "shard 1 is at epoch 3, and nodeB has seen 4");
    CHECK(older(now, {1, 0, is}).empty());
    CHECK(older(now, {1, 0, is.next(store_of(2))}) ==
          "shard 1 is at epoch 3, and nodeB has seen 4");
    CHECK_FALSE(older(now, {1, 0, is.without(store_of(2))}).empty());
    CHECK(older(now, {800, 4, {}}).empty());  // there is no such shard
}

TEST_CASE("higher epochs are no later state if they are of another history") {
    const auto backup = three_nodes().records[0];  // led by 1, in sync with 2
    auto now = later_view();
    // What happened: 1 took 2 out, and went on alone.
    const kv::shard_record alone = backup.next(store_of(1)).without(store_of(2));
    now.records[0].record = alone.next(store_of(1)).next(store_of(3));
    CHECK(older(now, {0, 0, alone}).empty());
    // What 2 makes of the backup: it takes the place of 1, and is started anew a few times.
    kv::shard_record other = backup.next(store_of(2)).without(store_of(1));
    for (int i = 0; i < 3; ++i) other = other.next(store_of(2));
    now.records[0].record = other;
    CHECK(older(now, {0, 0, alone}) ==
          "shard 0, at epoch 5, does not follow epoch 2 as nodeB has seen it");
    auto before = later_view();
    before.records[0].record = alone;
    CHECK(older(now, before).starts_with("shard 0, at epoch 5, does not follow"));
    // Nor when others lead there by now.
    now.records[0].record = other.next(store_of(3)).next(store_of(2));
    CHECK_FALSE(older(now, {0, 0, alone}).empty());
    // Who was there, and has seen no more than the backup, has nothing against it.
    CHECK(older(now, {0, 0, backup}).empty());
}

TEST_CASE("a record tells of the last who led, however often that changes") {
    std::vector<kv::shard_record> all{three_nodes().records[0]};
    for (std::uint64_t i = 2; i < 100; ++i)
        all.push_back(all.back().next(store_of(i % 30)).with(store_of(i % 30)));
    for (const auto& earlier : all) CHECK(all.back().follows(earlier));
    CHECK(all.back().past.size() == kv::shard_record::past_max);
    CHECK_FALSE(all[50].follows(all[51]));
    kv::shard_record stranger = all[97];
    stranger.primary = store_of(77);
    CHECK_FALSE(all.back().follows(stranger));
}
