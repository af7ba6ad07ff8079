// Moving a cluster from a host's file to etcd.
#include "tools/kv/coordinator/migrate.hpp"

#include "tests/unit/tools_kv_coordinator/etcd_servers.hpp"

using namespace test;

namespace {

/// A cluster with some history: nodeA has its second store, a record has moved on, a store is out, and a node lives.
std::unique_ptr<kv::coordinator> with_history(const local_world& world) {
    auto c = world.open();
    value_of(c->create(three_nodes(130)));
    value_of(c->join(life_of("nodeA", 4)));
    auto v = value_of(c->snapshot());
    value_of(c->set_store_state(store_of(3), kv::store_state::out, v.find_store(store_of(3))->rev));
    value_of(c->write_plan(kv::next_plan(v.plan, {"nodeA", "nodeB"}, 2), v.plan_rev));
    value_of(c->change({{9, v.records[9].record.next(store_of(1)), v.records[9].rev}}));
    return c;
}

void check_same(const kv::cluster_view& a, const kv::cluster_view& b) {
    CHECK(a.meta == b.meta);
    CHECK(a.plan == b.plan);
    REQUIRE(a.stores.size() == b.stores.size());
    for (std::size_t i = 0; i < a.stores.size(); ++i) {
        auto copy = b.stores[i];
        copy.rev = a.stores[i].rev;
        CHECK(a.stores[i] == copy);
    }
    REQUIRE(a.records.size() == b.records.size());
    for (std::size_t s = 0; s < a.records.size(); ++s)
        CHECK(a.records[s].record == b.records[s].record);
}

}  // namespace

TEST_CASE("a cluster moves to etcd as it is, once; the file tells everybody where it went") {
    if (!etcd_world::is_there()) return;
    const local_world here;
    const etcd_world there;
    const auto from = with_history(here);
    const auto to = there.open();
    const auto before = value_of(from->snapshot());
    value_of(kv::migrate(*from, *to, "http://h1:2379"));

    const auto after = value_of(to->snapshot());
    check_same(before, after);
    CHECK(after.store_of("nodeA")->id == store_of(4));
    CHECK(after.members.empty());
    const auto change =
        from->change({{0, before.records[0].record.next(store_of(1)), before.records[0].rev}});
    CHECK(code_of(change) == "moved");
    CHECK(change.error().detail == "http://h1:2379");
    const auto late = here.open("nodeB");
    CHECK(code_of(late->join(life_of("nodeB", 2))) == "moved");
    CHECK(code_of(late->read({0})) == "moved");
    CHECK(value_of(late->snapshot()).meta.moved_to == "http://h1:2379");
    CHECK(code_of(late->create(three_nodes())) == "exists");
    // A second time it is done already; and it goes nowhere else.
    value_of(kv::migrate(*late, *to, "http://h1:2379"));
    const etcd_world third;
    CHECK(code_of(kv::migrate(*late, *third.open(), "http://h3:2379")) == "moved");

    const auto now = value_of(to->snapshot());
    CHECK(
        value_of(to->change({{9, now.records[9].record.next(store_of(2)), now.records[9].rev}}))[0]
            .outcome == kv::change_outcome::made);
    value_of(to->join(life_of("nodeA", 4)));
    value_of(to->leave());
}

TEST_CASE("what has a cluster already takes no other, and the one that was to move stays") {
    if (!etcd_world::is_there()) return;
    const local_world here;
    const etcd_world there;
    const auto from = with_history(here);
    const auto to = there.open();
    kv::first_cluster other = three_nodes(4);
    other.meta.uuid = "cluster-2";
    value_of(to->create(other));
    const auto refused = kv::migrate(*from, *to, "etcd");
    CHECK(code_of(refused) == "exists");
    CHECK(refused.error().detail == "cluster-2");
    CHECK(value_of(to->snapshot()).records.size() == 4);
    CHECK(value_of(from->snapshot()).meta.moved_to.empty());
    CHECK(code_of(from->read({0})) == "ok");
    CHECK(code_of(kv::migrate(*local_world().open(), *to, "etcd")) == "no_cluster");
}

TEST_CASE("a move that stopped in the middle goes on, or is given up") {
    if (!etcd_world::is_there()) return;
    const local_world here;
    const auto from = with_history(here);
    const auto before = value_of(from->snapshot());
    value_of(from->retire("etcd"));
    CHECK(code_of(from->write_plan(before.plan, before.plan_rev)) == "moved");
    value_of(from->retire(""));
    CHECK(code_of(from->read({0})) == "ok");
    value_of(from->retire("etcd"));
    const etcd_world there;
    value_of(kv::migrate(*from, *there.open(), "etcd"));
    check_same(before, value_of(there.open()->snapshot()));
}

TEST_CASE("a cluster in etcd can be retired as well") {
    if (!etcd_world::is_there()) return;
    const etcd_world world;
    const auto a = world.open(), b = world.open();
    value_of(a->create(three_nodes()));
    const auto v = value_of(b->snapshot());
    value_of(a->retire("elsewhere"));
    value_of(a->retire("elsewhere"));
    for (kv::coordinator* c : {a.get(), b.get()}) {
        CHECK(code_of(c->change({{0, v.records[0].record.next(store_of(1)), v.records[0].rev}})) ==
              "moved");
        CHECK(code_of(c->join(life_of("nodeA", 1))) == "moved");
        CHECK(value_of(c->snapshot()).meta.moved_to == "elsewhere");
    }
    value_of(b->retire(""));
    CHECK(code_of(a->read({0})) == "ok");
}
