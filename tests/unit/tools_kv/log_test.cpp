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

TEST_CASE("what is applied leaves the memory, and the log knows still which points it has") {
    shard_log log = of({1, 1, 2, 2, 3, 3}, 5);
    log.trim(2, 1'000'000);
    CHECK(log.in_memory() == 3);
    CHECK_FALSE(log.is_in_memory(3));
    CHECK(log.is_in_memory(4));
    CHECK(log.contains(1));
    CHECK(log.point(3) == log_point{2, 3});
    CHECK(log.has({1, 2}));
    CHECK_FALSE(log.has({2, 2}));
    CHECK(log.ends(9).runs == std::vector<log_point>{{1, 2}, {2, 4}, {3, 6}});
    // By bytes: not even one.
    log.trim(2, 1);
    CHECK(log.in_memory() == 1);
    CHECK(log.at(6).at == log_point{3, 6});
}

TEST_CASE("a slice has as many entries and bytes as are asked for, and one at least") {
    const shard_log log = of({1, 1, 1});
    CHECK(log.slice(1, 2, 1'000'000).size() == 2);
    CHECK(log.slice(2, 9, 1'000'000).size() == 2);
    CHECK(log.slice(1, 9, 1).size() == 1);
    CHECK(log.slice(1, 9, 2 * size_of(log.at(1))).size() == 2);
}

TEST_CASE("of a log so many entries are kept, or so many bytes") {
    shard_log log = of({1, 1, 1, 1, 1, 1}, 0);
    const std::size_t size = size_of(log.at(1));
    for (int i = 0; i < 6; ++i) {
        log.mark_applied();
        log.measure(1, 1'000'000);
    }
    CHECK(log.surplus(4, 1'000'000) == 2);
    CHECK(log.surplus(100, 3 * size) == 3);
    CHECK(log.surplus(100, 1'000'000) == 0);
}

TEST_CASE("a log that starts from a checkpoint is the one that it was, but for what is in memory") {
    std::vector<entry> entries;
    for (std::uint64_t seq = 1; seq <= 6; ++seq) entries.push_back(at(1 + seq / 3, seq));
    shard_log before({}, 4, entries);
    before.measure(1, 1);
    const log_shape shape = before.shape();
    CHECK(shape.runs == std::vector<log_point>{{1, 2}, {2, 4}});
    const shard_log after({}, 4, {entries.begin() + 4, entries.end()}, shape);
    CHECK(after.ends(9).runs == before.ends(9).runs);
    CHECK(after.last() == before.last());
    CHECK(after.applied_bytes() == before.applied_bytes());
    CHECK(after.shape() == shape);
    CHECK(after.in_memory() == 2);
}

TEST_CASE("a log explains a state whose last entry it has, and what may be in that beyond") {
    const shard_log mine = of({1, 1, 3, 3});
    CHECK(mine.explains(of({1, 1, 2}, 2).ends(9)));
    CHECK_FALSE(mine.explains(of({1, 1, 2}, 3).ends(9)));
    CHECK_FALSE(mine.explains(of({1, 1, 3, 3, 3}, 5).ends(9)));
    log_ends filled = of({1, 1}, 2).ends(9);
    filled.reflects = {3, 4};
    CHECK(mine.explains(filled));
    filled.reflects = {2, 4};
    CHECK_FALSE(mine.explains(filled));
    // Older than this log goes back: nobody knows, and it is filled anyway.
    CHECK(of({3}, 0, {3, 10}).explains(of({1, 1}, 2).ends(9)));
}
