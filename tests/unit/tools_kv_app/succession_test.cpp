// Which shards go on with what a stop of their machines left, and who sees to it.
#include "tools/kv/app/succession.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace kv;

namespace {

constexpr store_id a{0, 1}, b{0, 2}, c{0, 3}, heir_of_a{0, 11}, heir_of_b{0, 12};

/// Three nodes that are up with the stores that they began with, and a shard of a's with b in sync.
cluster_view view_of_three() {
    cluster_view v;
    for (const auto& [id, node] : {std::pair(a, "a"), std::pair(b, "b"), std::pair(c, "c")}) {
        v.stores.push_back({id, node, store_state::in, 1, v.stores.size() + 1, 1});
        v.members.push_back({node, id, 7, std::string(node) + "@127.0.0.1", true});
    }
    v.records = {{{7, a, {a, b}}, 1}};
    return v;
}

/// That node is up with what its machine's stop has left.
void lose(cluster_view& v, std::size_t node, const store_id& heir) {
    const store_id was = v.members[node].store;
    v.stores.push_back(
        {heir, v.members[node].node, store_state::in, 1, v.stores.size() + 1, 1, was});
    v.members[node].store = heir;
}

}  // namespace

TEST_CASE("a shard with a member that has lost nothing is that one's") {
    cluster_view v = view_of_three();
    CHECK(lost_shards(v, a).empty());
    lose(v, 0, heir_of_a);
    CHECK(lost_shards(v, heir_of_a).empty());
    v.members[1].is_alive = false;  // it comes back with all of it
    CHECK(lost_shards(v, heir_of_a).empty());
}

TEST_CASE("when nothing but heirs is left the primary's sees to it") {
    cluster_view v = view_of_three();
    lose(v, 1, heir_of_b);
    lose(v, 0, heir_of_a);
    CHECK(lost_shards(v, heir_of_a) == std::vector<lost_shard>{{0, {heir_of_a, heir_of_b}}});
    CHECK(lost_shards(v, heir_of_b).empty());
    CHECK(lost_shards(v, c).empty());
}

TEST_CASE("an heir that is not up may have more, and is waited for") {
    cluster_view v = view_of_three();
    lose(v, 0, heir_of_a);
    lose(v, 1, heir_of_b);
    v.members[1].is_alive = false;
    CHECK(lost_shards(v, heir_of_a).empty());
}

TEST_CASE("a node that the plan has for the shard may have more, until it is out") {
    cluster_view v = view_of_three();
    v.plan = {1, {"a", "b", "c"}, {{"a", "b"}}};
    v.records[0].record.isr = {a};
    lose(v, 0, heir_of_a);
    CHECK(lost_shards(v, heir_of_a) == std::vector<lost_shard>{{0, {heir_of_a}}});
    v.members[2].is_alive = false;  // has no copy
    CHECK(may_have_more(v, 0).empty());
    v.members[1].is_alive = false;
    CHECK(may_have_more(v, 0) == std::vector<store_id>{b});
    CHECK(lost_shards(v, heir_of_a).empty());
    v.stores[1].state = store_state::out;
    CHECK(lost_shards(v, heir_of_a) == std::vector<lost_shard>{{0, {heir_of_a}}});
}

TEST_CASE("a node whose disk is gone has no heir") {
    cluster_view v = view_of_three();
    lose(v, 0, heir_of_a);
    lose(v, 1, heir_of_b);
    v.stores.back().after = {};
    CHECK(lost_shards(v, heir_of_a).empty());
}

TEST_CASE("what is left of what was left is an heir too") {
    cluster_view v = view_of_three();
    v.records[0].record.isr = {a};
    lose(v, 0, {0, 20});
    lose(v, 0, {0, 21});
    CHECK(lost_shards(v, {0, 21}) == std::vector<lost_shard>{{0, {{0, 21}}}});
    CHECK(lost_shards(v, {0, 20}).empty());
    // A circle, which nobody wrote, ends.
    v.stores[0].after = {0, 20};
    CHECK(v.heir_of(c) == nullptr);
}
