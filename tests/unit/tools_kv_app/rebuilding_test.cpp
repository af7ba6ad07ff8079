// What is made of the stores' accounts when the coordinator has lost its data.
#include "tools/kv/app/rebuilding.hpp"

#include <doctest/doctest.h>

#include "tools/kv/coordinator/values.hpp"

using namespace kv;

namespace {

constexpr store_id a{0, 1}, b{0, 2}, c{0, 3}, stranger{0, 9};

/// Two shards on three nodes, both led by a, with b in sync.
cluster_view view_of_three(std::uint64_t rev = 10) {
    cluster_view v;
    v.rev = rev;
    v.meta.uuid = "cluster";
    v.meta.shards = 2;
    std::uint64_t order = 0;
    for (const auto& [id, node] : {std::pair(a, "a"), std::pair(b, "b"), std::pair(c, "c")})
        v.stores.push_back({id, node, store_state::in, 1, ++order, rev});
    v.members.push_back({"a", a, 7, "a@127.0.0.1", true});
    v.plan = {1, {"a", "b", "c"}, {{"a", "b"}, {"a", "b"}}};
    v.plan_rev = rev;
    v.records = {{{7, a, {a, b}}, rev}, {{7, a, {a, b}}, rev}};
    return v;
}

store_account account_of(const store_id& store, const std::string& node,
                         std::vector<shard_account> shards = {},
                         const std::optional<cluster_view>& view = view_of_three()) {
    store_account s;
    s.node = node;
    s.store = store;
    s.uuid = "cluster";
    if (view) s.view = bytes_of(*view);
    s.shards = std::move(shards);
    return s;
}

shard_account shard(std::uint32_t number, log_point last, const shard_record& acted = {},
                    std::uint64_t written_in = 0) {
    shard_account s;
    s.shard = number;
    s.epoch = last.epoch;
    s.seq = last.seq;
    s.asked_in = acted.epoch > 0 ? written_in : last.epoch;
    if (acted.epoch > 0) s.record = encode(acted);
    if (written_in > 0) s.written_by = acted.primary;
    s.written_in = written_in;
    return s;
}

rebuilt_cluster rebuilt(const std::vector<store_account>& accounts) {
    auto r = rebuild(accounts);
    REQUIRE(r.has_value());
    REQUIRE(check(r->first).has_value());
    return *std::move(r);
}

}  // namespace

TEST_CASE("a view that a store keeps is read as it was") {
    const cluster_view v = view_of_three();
    const auto read = view_from(bytes_of(v));
    REQUIRE(read.has_value());
    CHECK(read->rev == v.rev);
    CHECK(read->meta == v.meta);
    CHECK(read->stores == v.stores);
    CHECK(read->members == v.members);
    CHECK(read->plan.shards == v.plan.shards);
    CHECK(read->records[1].record == v.records[1].record);
    CHECK_FALSE(view_from("").has_value());
    CHECK_FALSE(view_from(bytes_of(v).substr(0, 40)).has_value());
}

TEST_CASE("a cluster is rebuilt as it was, with epochs that nobody has seen") {
    const auto r =
        rebuilt({account_of(a, "a", {shard(0, {7, 5}), shard(1, {7, 1})}),
                 account_of(b, "b", {shard(0, {7, 5}), shard(1, {7, 1})}), account_of(c, "c")});
    CHECK(r.silent.empty());
    CHECK(r.lost_shards == 0);
    CHECK(r.first.meta.uuid == "cluster");
    CHECK(r.first.meta.recoveries == 1);
    CHECK(r.first.stores.size() == 3);
    for (const shard_record& record : r.first.records) {
        CHECK(record.epoch > 1'000'000);
        CHECK(record.primary == a);
        CHECK(record.isr == std::vector<store_id>{a, b});
    }
}

TEST_CASE("the record of the highest epoch counts, whoever knows of it") {
    cluster_view newer = view_of_three(11);
    newer.records[1].record = {8, b, {b}};
    const auto r = rebuilt({account_of(a, "a", {shard(0, {9, 6}, {9, a, {a}})}),
                            account_of(b, "b", {shard(0, {7, 5})}), account_of(c, "c", {}, newer)});
    CHECK(r.first.records[0].isr == std::vector<store_id>{a});
    CHECK(r.first.records[0].epoch > 9);
    CHECK(r.first.records[1].primary == b);
    CHECK(r.first.records[1].isr == std::vector<store_id>{b});
}

TEST_CASE("of the set, who has the longest log leads") {
    const auto r = rebuilt({account_of(a, "a", {shard(0, {7, 5}), shard(1, {7, 9})}),
                            account_of(b, "b", {shard(0, {7, 6}), shard(1, {6, 20})}),
                            account_of(c, "c", {shard(0, {7, 1})})});
    CHECK(r.first.records[0].primary == b);
    CHECK(r.first.records[0].isr == std::vector<store_id>{a, b});
    CHECK(r.first.records[1].primary == a);
}

TEST_CASE("an entry of an epoch that no record tells of: its log alone is believed") {
    const auto r =
        rebuilt({account_of(a, "a", {shard(0, {7, 5})}), account_of(b, "b", {shard(0, {7, 5})}),
                 account_of(c, "c", {shard(0, {9, 4})})});
    CHECK(r.first.records[0].primary == c);
    CHECK(r.first.records[0].isr == std::vector<store_id>{c});
    CHECK(r.first.records[0].epoch > 9);
    CHECK(r.lost_shards == 0);
    // Nobody asked for anything in it: a primary that began, and did not act.
    shard_account begun = shard(0, {9, 6});
    begun.asked_in = 7;
    const auto without =
        rebuilt({account_of(a, "a", {shard(0, {7, 5})}), account_of(b, "b", {shard(0, {7, 6})}),
                 account_of(c, "c", {begun})});
    CHECK(without.first.records[0].primary == b);
    CHECK(without.first.records[0].isr == std::vector<store_id>{a, b});
    CHECK(without.first.records[0].epoch > 1'000'000 + 9);
}

TEST_CASE("a store that does not answer is told, whatever the others know") {
    const auto r =
        rebuilt({account_of(a, "a", {shard(0, {7, 5})}), account_of(b, "b", {shard(0, {7, 5})})});
    CHECK(r.silent == std::vector<std::string>{"c"});
    CHECK(r.lost_shards == 0);
}

TEST_CASE("a shard whose set is silent goes on with the longest log there is, and is counted") {
    const auto r = rebuilt({account_of(c, "c", {shard(0, {6, 3})})});
    CHECK(r.silent == std::vector<std::string>{"a", "b"});
    CHECK(r.lost_shards == 2);
    CHECK(r.first.records[0].primary == c);
    CHECK(r.first.records[0].isr == std::vector<store_id>{c});
    const auto with_part = rebuilt({account_of(b, "b", {shard(0, {7, 5})}), account_of(c, "c")});
    CHECK(with_part.lost_shards == 0);
    CHECK(with_part.first.records[0].isr == std::vector<store_id>{b});
}

TEST_CASE("a store that has erased its copy is not of the set that an older record names") {
    shard_account erased = shard(0, {}, {7, a, {a, b}});
    erased.is_erased = true;
    const auto r =
        rebuilt({account_of(a, "a", {erased, shard(1, {7, 9})}),
                 account_of(b, "b", {shard(0, {7, 6}), shard(1, {7, 9})}), account_of(c, "c")});
    CHECK(r.first.records[0].isr == std::vector<store_id>{b});
    CHECK(r.first.records[0].primary == b);
    CHECK(r.first.records[1].isr == std::vector<store_id>{a, b});
    CHECK(r.lost_shards == 0);
    // Those who took its place do not answer: what another has of old is more than nothing, and is told as a loss.
    const auto alone =
        rebuilt({account_of(a, "a", {erased}), account_of(c, "c", {shard(0, {5, 3})})});
    CHECK(alone.first.records[0].primary == c);
    CHECK(alone.lost_shards == 1);
}

TEST_CASE(
    "a store that was removed, or that its node has no more, is needed only where it was in sync") {
    cluster_view v = view_of_three();
    v.stores[2].state = store_state::removed;
    v.stores.push_back({stranger, "b", store_state::in, 1, 4, 10});
    const auto both = {account_of(a, "a", {shard(0, {7, 5})}, v),
                       account_of(stranger, "b", {shard(0, {7, 9})}, v)};
    const auto r = rebuilt(both);
    CHECK(r.silent == std::vector<std::string>{"b"});  // its old store is in the records' sets
    CHECK(r.first.records[0].primary == a);
    for (known_record& k : v.records) k.record = {8, a, {a}};
    CHECK(rebuilt({account_of(a, "a", {}, v), account_of(stranger, "b", {}, v)}).silent.empty());
    // A removed store is no choice either.
    const auto without = rebuild({account_of(c, "c", {shard(0, {8, 9})}, v)});
    CHECK(!without.has_value());
    CHECK(without.error().is("no_store"));
}

TEST_CASE("a store that came after the last view is one of the cluster's") {
    const auto r = rebuilt({account_of(a, "a"), account_of(b, "b"), account_of(c, "c"),
                            account_of(stranger, "d", {}, std::nullopt)});
    REQUIRE(r.first.stores.size() == 4);
    CHECK(r.first.stores[3].id == stranger);
    CHECK(r.first.stores[3].node == "d");
}

TEST_CASE("without a view there is nothing to begin with") {
    const auto none = rebuild({account_of(a, "a", {}, std::nullopt)});
    CHECK(!none.has_value());
    CHECK(none.error().is("no_view"));
    // The one that was rebuilt last counts, not the one with the highest revision.
    cluster_view again = view_of_three(3);
    again.meta.recoveries = 1;
    again.records[0].record = {2'000'000, b, {b}};
    const auto r = rebuilt({account_of(a, "a"), account_of(b, "b", {}, again), account_of(c, "c")});
    CHECK(r.first.meta.recoveries == 2);
}

namespace {

/// Shard 0 as a goes on without b; and as b, told of an earlier state, goes on without a, with more changes.
struct two_histories {
    shard_record before = view_of_three().records[0].record;
    shard_record one = before.next(a).without(b);
    shard_record other = before.next(b).without(a).next(b);

    /// What they hold, killed before they kept a view of it. 0: no client asked for anything in that history.
    [[nodiscard]] rebuilt_cluster rebuilt_from(std::uint64_t a_wrote, std::uint64_t b_wrote) const {
        return rebuilt({account_of(a, "a", {shard(0, {8, 6}, one, a_wrote)}),
                        account_of(b, "b", {shard(0, {9, 6}, other, b_wrote)}),
                        account_of(c, "c")});
    }
};

}  // namespace

TEST_CASE(
    "shards that wrote for clients twice from one record are counted, the higher epoch counts") {
    const two_histories x;
    const auto r = x.rebuilt_from(8, 9);
    CHECK(r.split_shards == 1);
    CHECK(r.lost_shards == 0);
    CHECK(r.first.records[0].primary == b);
    CHECK(r.first.records[0].isr == std::vector<store_id>{b});
    // What was found before is behind it.
    CHECK(r.first.records[0].follows(x.one));
    // By the last epoch in which it wrote, whatever it did later.
    CHECK(x.rebuilt_from(8, 8).split_shards == 1);

    // Once it was said, with the recovery that made it good, it is over.
    cluster_view after = view_of_three(5);
    after.meta.recoveries = 1;
    after.records[0].record = r.first.records[0];
    CHECK(rebuilt({account_of(a, "a", {shard(0, {8, 6}, x.one, 8)}, after),
                   account_of(b, "b", {shard(0, {9, 6}, x.other, 9)}, after), account_of(c, "c")})
              .split_shards == 0);
    // One after the other is no split, whoever tells it.
    cluster_view one = view_of_three(11), other = view_of_three(12);
    one.records[0].record = x.one;
    other.records[0].record = x.one.with(b).next(b).next(b);
    const auto in_turn =
        rebuilt({account_of(a, "a", {shard(0, {8, 6}, x.one, 8)}, one),
                 account_of(b, "b", {shard(0, {10, 7}, other.records[0].record, 10)}, other),
                 account_of(c, "c")});
    CHECK(in_turn.split_shards == 0);
    CHECK(in_turn.first.records[0].isr == std::vector<store_id>{a, b});
}

TEST_CASE("of two histories the one counts that has written for clients, whatever the epochs") {
    const two_histories x;
    const auto with_first = x.rebuilt_from(8, 0);
    CHECK(with_first.split_shards == 0);
    CHECK(with_first.first.records[0].primary == a);
    CHECK(with_first.first.records[0].isr == std::vector<store_id>{a});
    CHECK(with_first.first.records[0].epoch > 1'000'000);
    // What was written before both is in both.
    CHECK(x.rebuilt_from(7, 0).first.records[0].primary == b);
    const auto with_other = x.rebuilt_from(7, 9);
    CHECK(with_other.split_shards == 0);
    CHECK(with_other.first.records[0].primary == b);
}

TEST_CASE("what a primary wrote that is gone counts by the log of who was in sync") {
    const two_histories x;
    // a wrote with c in sync, then left; c has led since, and nobody wrote. b went on by the older state for longer.
    cluster_view left = view_of_three(20);
    left.plan.number = 2;
    left.stores[0].state = store_state::removed;
    const shard_record both = x.before.next(a).without(b).with(c);
    const shard_record led_by_c = both.next(c).without(a);
    left.records[0].record = led_by_c;
    shard_record led_by_b = x.other;
    while (led_by_b.epoch <= led_by_c.epoch) led_by_b = led_by_b.next(b);
    shard_account of_c = shard(0, {led_by_c.epoch, 9}, led_by_c);
    of_c.asked_in = both.epoch;
    const auto r = rebuilt({account_of(b, "b", {shard(0, {led_by_b.epoch, 6}, led_by_b)}),
                            account_of(c, "c", {of_c}, left)});
    CHECK(r.split_shards == 0);
    CHECK(r.first.records[0].primary == c);
    // And where b wrote, too, it is a split.
    CHECK(rebuilt({account_of(b, "b", {shard(0, {led_by_b.epoch, 6}, led_by_b, led_by_b.epoch)}),
                   account_of(c, "c", {of_c}, left)})
              .split_shards == 1);
}

TEST_CASE("where there are two histories nobody else is of the set: its log may be of the other") {
    const two_histories x;
    // b has not removed a yet, as it led by the older state.
    const shard_record begun = x.before.next(b);
    const auto r =
        rebuilt({account_of(a, "a", {shard(0, {8, 5}, x.one)}),
                 account_of(b, "b", {shard(0, {8, 6}, begun.next(b))}), account_of(c, "c")});
    CHECK(r.split_shards == 0);
    CHECK(r.first.records[0].primary == b);
    CHECK(r.first.records[0].isr == std::vector<store_id>{b});
    CHECK(r.first.records[1].isr == std::vector<store_id>{a, b});
}

TEST_CASE("of views with different revisions, the one with the later plan is the newest") {
    cluster_view moved = view_of_three(3);  // in another coordinator revisions began anew
    moved.plan.number = 2;
    const auto newest =
        newest_view({account_of(a, "a"), account_of(b, "b", {}, moved), account_of(c, "c")});
    REQUIRE(newest.has_value());
    CHECK(newest->rev == 3);
}
