#include "tools/kv/shard/dedup_table.hpp"

#include <doctest/doctest.h>

using namespace kv;

namespace {

entry done(std::uint64_t client, std::uint64_t number, std::uint64_t age_ms) {
    entry e;
    e.id = {client, number};
    e.result.version = number;
    e.age_ms = age_ms;
    return e;
}

}  // namespace

TEST_CASE("a request that was done is known with its first answer") {
    dedup_table t;
    t.apply(done(7, 1, 0));
    CHECK(t.recall({7, 1}).answer->version == 1);
    CHECK_FALSE(t.recall({7, 2}).answer);
    CHECK_FALSE(t.recall({8, 1}).answer);
    // Applying it again changes nothing.
    const dedup_table before = t;
    t.apply(done(7, 1, 0));
    CHECK(t == before);
}

TEST_CASE("the last 64 numbers of a client are known, and older ones are known to be too old") {
    dedup_table t;
    for (std::uint64_t n = 1; n <= 65; ++n) t.apply(done(7, n, n));
    CHECK_FALSE(t.recall({7, 1}).answer);
    CHECK(t.recall({7, 1}).is_too_old);
    CHECK(t.recall({7, 2}).answer);
    CHECK_FALSE(t.recall({7, 66}).is_too_old);
    CHECK_FALSE(t.recall({8, 1}).is_too_old);
}

TEST_CASE("a client is dropped ten minutes of the shard's age after its last request") {
    dedup_table t;
    t.apply(done(7, 1, 0));
    t.apply(done(8, 1, 600'000));
    CHECK(t.recall({7, 1}).answer);
    t.apply(done(0, 0, 600'001));
    CHECK_FALSE(t.recall({7, 1}).answer);
    CHECK(t.recall({8, 1}).answer);
    CHECK(t.clients() == 1);
    // The age never goes back.
    t.apply(done(9, 1, 5));
    CHECK(t.age_ms() == 600'001);
}

TEST_CASE("what a client has settled is forgotten, and is never done again") {
    dedup_table t;
    for (std::uint64_t n = 1; n <= 5; ++n) t.apply(done(7, n, 0));
    t.apply(done(8, 1, 0));
    CHECK(t.outcomes() == 6);
    entry e = done(7, 6, 0);
    e.settled = 6;
    t.apply(e);
    CHECK(t.outcomes() == 2);
    CHECK(t.recall({7, 6}).answer);
    CHECK_FALSE(t.recall({7, 5}).answer);
    CHECK(t.recall({7, 5}).is_settled);
    CHECK_FALSE(t.recall({7, 6}).is_settled);
    CHECK_FALSE(t.recall({8, 0}).is_settled);
    // It never goes back.
    e = done(7, 7, 0);
    t.apply(e);
    CHECK(t.recall({7, 5}).is_settled);
}
