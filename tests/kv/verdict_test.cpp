// The judges of records: what may be passes, and each kind of fault is seen.
#include <doctest/doctest.h>

#include "tests/kv/verdict.hpp"

using namespace test;
using act = kv_event::act;
using end = kv_event::end;

namespace {

constexpr std::int64_t ms = 1'000'000;

kv_event event(act what, std::int64_t called, std::int64_t answered, end told = end::done) {
    kv_event e;
    e.what = what, e.key = "k", e.told = told;
    e.called = called * ms, e.answered = answered * ms;
    return e;
}
kv_event put(std::string v, std::uint64_t version, std::int64_t called, std::int64_t answered,
             end told = end::done) {
    kv_event e = event(act::put, called, answered, told);
    e.wanted = std::move(v), e.version = version;
    return e;
}
kv_event got(std::optional<std::string> v, std::uint64_t version, std::int64_t called,
             std::int64_t answered, bool by_primary = true) {
    kv_event e = event(act::get, called, answered);
    e.found = std::move(v), e.version = version, e.by_primary = by_primary;
    return e;
}
kv_event erased(std::uint64_t version, std::int64_t called, std::int64_t answered,
                end told = end::done) {
    kv_event e = event(act::erase, called, answered, told);
    e.version = version;
    return e;
}
kv_event added(std::string sum, std::int64_t called, end told = end::done) {
    kv_event e = event(act::incr, called, called + 1, told);
    if (told == end::done) e.found = std::move(sum);
    return e;
}
constexpr bool replica = false;

}  // namespace

TEST_CASE("a record that kv's promises allow is not complained about") {
    CHECK(judge({}).empty());
    CHECK(judge({put("a", 1, 0, 1), got("a", 1, 2, 3), got("a", 1, 2, 3, replica)}).empty());
    // An unknown write that came later; a definite error that did not.
    CHECK(judge({put("a", 1, 0, 1), put("b", 0, 2, 3, end::unknown), got("a", 1, 4, 5),
                 got("b", 2, 6, 7), put("c", 0, 8, 9, end::nothing), got("b", 2, 10, 11)})
              .empty());
    // A replica that is behind a primary's answer, by less than its bound.
    CHECK(judge({put("a", 1, 0, 1), put("b", 0, 2, 3, end::unknown), got("b", 2, 4, 5),
                 got("a", 1, 1604, 1605, replica)})
              .empty());
    CHECK(judge({put("a", 1, 0, 1), erased(2, 2, 3), got({}, 0, 4, 5, replica)}).empty());
    CHECK(judge({put("a", 1, 0, 1), erased(0, 2, 3, end::unknown), got({}, 0, 4, 5, replica)})
              .empty());
    CHECK(judge({erased(0, 0, 1, end::refused), put("a", 1, 2, 3)}).empty());
}

TEST_CASE("what was acknowledged and is not there is seen") {
    CHECK_FALSE(judge({put("a", 1, 0, 1), got({}, 0, 2, 3)}).empty());
    CHECK_FALSE(judge({put("a", 1, 0, 1), put("b", 2, 2, 3), got("a", 1, 4, 5)}).empty());
    CHECK_FALSE(judge({put("a", 1, 0, 1), erased(0, 2, 3, end::refused)}).empty());
}

TEST_CASE("a write that was said to be none, and is there, is seen") {
    CHECK_FALSE(judge({put("a", 0, 0, 1, end::nothing), got("a", 1, 2, 3)}).empty());
}

TEST_CASE("versions that go back, are told twice or change their value are seen") {
    CHECK_FALSE(judge_versions({put("a", 2, 0, 1), put("b", 1, 2, 3)}).empty());
    CHECK_FALSE(judge_versions({put("a", 2, 0, 3), put("b", 2, 0, 3)}).empty());
    CHECK_FALSE(judge_versions({got("a", 2, 0, 1), got("b", 2, 2, 3)}).empty());
    CHECK_FALSE(judge_versions({got("a", 2, 0, 1), got("b", 1, 2, 3)}).empty());
    CHECK(judge_versions({got("a", 2, 0, 2), got("b", 1, 1, 3)}).empty());
}

TEST_CASE("a replica that misses an acknowledged write, or is too old, is seen") {
    CHECK_FALSE(
        judge_replicas({put("a", 1, 0, 1), put("b", 2, 2, 3), got("a", 1, 4, 5, replica)}).empty());
    CHECK_FALSE(judge_replicas({put("a", 1, 0, 1), got({}, 0, 4, 5, replica)}).empty());
    CHECK_FALSE(judge_replicas({put("a", 1, 0, 1), put("b", 0, 2, 3, end::unknown),
                                got("b", 2, 4, 5), got("a", 1, 1606, 1607, replica)})
                    .empty());
    kv_event old = got("a", 1, 2, 3, replica);
    old.age_ms = 1601;
    CHECK_FALSE(judge_replicas({put("a", 1, 0, 1), old}).empty());
}

TEST_CASE("an addition that was lost, or done twice, is seen") {
    CHECK(judge({added("1", 0), added("", 2, end::unknown), added("", 4, end::nothing),
                 got("2", 3, 6, 7)})
              .empty());
    CHECK_FALSE(judge({added("1", 0), added("2", 2), got("1", 3, 6, 7)}).empty());
    CHECK_FALSE(judge({added("1", 0), added("", 2, end::unknown), got("3", 3, 6, 7)}).empty());
    CHECK_FALSE(judge({added("1", 0), added("1", 2)}).empty());
    CHECK_FALSE(judge({added("1", 0), added("3", 2)}).empty());
    CHECK(judge({added("", 0, end::unknown), added("1", 2), added("3", 4)}).empty());
    CHECK_FALSE(judge({added("", 0, end::unknown), added("2", 2), added("4", 4)}).empty());
    CHECK_FALSE(judge({added("1", 0), added("", 2, end::nothing), got("2", 3, 6, 7)}).empty());
}

TEST_CASE("a value with a time to live may go when that is over, and not before") {
    kv_event short_lived = put("a", 1, 0, 1);
    short_lived.ttl_ms = 100;
    CHECK(judge({short_lived, got("a", 1, 50, 51), got({}, 0, 101, 102)}).empty());
    CHECK(judge({short_lived, got("a", 1, 500, 501)}).empty());  // a primary was not there
    CHECK(judge({short_lived, got({}, 0, 101, 102, replica)}).empty());
    CHECK_FALSE(judge({short_lived, got({}, 0, 50, 51)}).empty());
    CHECK_FALSE(judge({short_lived, got({}, 0, 50, 51, replica)}).empty());
    CHECK_FALSE(judge({short_lived, got({}, 0, 101, 102), got("a", 1, 103, 104)}).empty());
}

TEST_CASE("a part of a transaction is seen") {
    const auto scanned = [](std::optional<std::string> left, std::optional<std::string> right) {
        kv_record both{got(left, left ? 1 : 0, 10, 11), got(right, right ? 1 : 0, 10, 11)};
        both[0].key = "{p}left", both[1].key = "{p}right";
        both[0].together = both[1].together = 7;
        return both;
    };
    CHECK(judge_together(scanned("a", "a")).empty());
    CHECK(judge_together(scanned({}, {})).empty());
    CHECK_FALSE(judge_together(scanned("a", "b")).empty());
    CHECK_FALSE(judge_together(scanned("a", {})).empty());
    CHECK_FALSE(judge_together(scanned({}, "a")).empty());
}
