// Who leads while nodes are being filled.
#include "tools/kv/app/cluster_known.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace kv;
using stores = std::vector<store_id>;

namespace {

constexpr store_id a{0, 1}, b{0, 2}, c{0, 3};

/// c is to have the first two of three shards, and to lead the first.
cluster_view view_of_three() {
    cluster_view v;
    for (const auto& [id, node] : {std::pair(a, "a"), std::pair(b, "b"), std::pair(c, "c")}) {
        v.stores.push_back({id, node, store_state::in, 1, v.stores.size() + 1, 1});
        v.members.push_back({node, id, 7, std::string(node) + "@127.0.0.1", true});
    }
    v.plan = {1, {"a", "b", "c"}, {{"c", "a"}, {"b", "c"}, {"a", "b"}}};
    v.records = {{{7, a, {a, b}}, 1}, {{7, b, {b, a}}, 2}, {{7, a, {a, b}}, 3}};
    return v;
}

}  // namespace

TEST_CASE("a store that lacks copies is being filled, until it has all that it is to have") {
    cluster_view v = view_of_three();
    CHECK(stores_being_filled(v) == stores{c});
    v.records[0].record.isr = {a, b, c};
    CHECK(stores_being_filled(v) == stores{c});
    v.records[1].record.isr = {b, c};
    CHECK(stores_being_filled(v).empty());
}

TEST_CASE("a copy that nobody can give is not waited for") {
    cluster_view v = view_of_three();
    v.records[0].record.isr = {a, c};
    v.members[1].is_alive = false;
    CHECK(stores_being_filled(v).empty());
}

TEST_CASE("who is being filled takes over no lead that another one can have") {
    cluster_view v = view_of_three();
    CHECK(row_to_follow(v, 0, {c}) == stores{a, c});
    CHECK(row_to_follow(v, 0, {}) == stores{c, a});
    CHECK(row_to_follow(v, 1, {c}) == stores{b, c});
    // All of them: somebody must. And who leads need not stop.
    CHECK(row_to_follow(v, 0, {a, c}) == stores{a, c});
    v.records[0].record.primary = b;
    CHECK(row_to_follow(v, 0, {a, c}) == stores{c, a});
    v.records[0].record.primary = c;
    CHECK(row_to_follow(v, 0, {c}) == stores{c, a});
}
