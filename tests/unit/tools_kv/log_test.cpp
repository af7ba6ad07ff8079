#include "tools/kv/shard/log.hpp"

#include <doctest/doctest.h>

#include "tools/kv/shard/invariant.hpp"

using namespace kv;

namespace {

entry at(std::uint64_t epoch, std::uint64_t seq, std::string key = "k") {
    entry e;
    e.at = {epoch, seq};
    e.id = {1, epoch * 100 + seq};
    e.changes.push_back({std::move(key), "v", 0});
    return e;
}

/// A log whose entries have these epochs, after `base`.
shard_log of(std::vector<std::uint64_t> epochs, std::uint64_t applied = 0, log_point base = {}) {
    std::vector<entry> entries;
    std::uint64_t seq = std::max(base.seq, std::uint64_t(0));
    for (const auto e : epochs) entries.push_back(at(e, ++seq));
    return {base, std::max(applied, base.seq), entries};
}

}  // namespace

TEST_CASE("the last common point of two logs is where their epochs agree for the last time") {
    CHECK(of({1, 1, 2, 2}).common_with(of({1, 1, 2, 2, 2}).ends(9)) == 4);
    CHECK(of({1, 1, 3}).common_with(of({1, 1, 2, 2}).ends(9)) == 2);
    CHECK(of({1, 1, 1, 4, 4}).common_with(of({1, 2, 2, 2}).ends(9)) == 1);
    CHECK(of({2, 2}).common_with(of({1, 1}).ends(9)) == 0);
    CHECK(of({1, 1}).common_with(of({}).ends(9)) == 0);
    CHECK(of({3, 3}).common_with(of({3, 3, 3}, 1).ends(9)) == 2);
}

TEST_CASE("a log that begins too late says so") {
    const shard_log mine = of({2, 2}, 0, {2, 10});
    CHECK(mine.common_with(of({1, 1}).ends(9)) < mine.base().seq);
    CHECK(mine.common_with(of({2, 2}, 0, {2, 9}).ends(9)) == 11);
    // At the base itself something else is there.
    CHECK(mine.common_with(of({1, 1}, 8, {1, 8}).ends(9)) == 8);
}

TEST_CASE("who has applied more than the log has was told of it by another primary: a bug") {
    CHECK_THROWS_AS((void)of({1}).common_with(of({1, 1}, 2).ends(9)), invariant_broken);
}

TEST_CASE("what is applied is never cut, and what is not is never forgotten") {
    shard_log log = of({1, 1, 2, 2}, 2);
    CHECK_THROWS_AS(log.cut(2), invariant_broken);
    CHECK_THROWS_AS(log.drop_to(3), invariant_broken);
    log.drop_to(2);
    log.cut(4);
    CHECK(log.base() == log_point{1, 2});
    CHECK(log.last() == log_point{2, 3});
    CHECK(log.ends(9).runs == std::vector<log_point>{{2, 3}});
    log.append(at(3, 4));
    CHECK(log.ends(9).runs == std::vector<log_point>{{2, 3}, {3, 4}});
    CHECK_THROWS_AS(log.append(at(3, 6)), invariant_broken);
    CHECK_THROWS_AS(log.append(at(2, 5)), invariant_broken);
}

TEST_CASE("prepared entries are found by key and by request until they are applied or cut") {
    shard_log log = of({1, 1, 1}, 1);
    CHECK(log.prepared_change("k") == 3);
    CHECK(log.prepared_request({1, 102}) == 2);
    CHECK_FALSE(log.prepared_request({1, 101}));
    log.cut(3);
    CHECK(log.prepared_change("k") == 2);
    log.mark_applied();
    CHECK_FALSE(log.prepared_change("k"));
    CHECK_FALSE(log.prepared_request({1, 102}));
}
