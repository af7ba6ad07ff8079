#include "tools/cache/app/timing_wheel.hpp"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "libbeamcore/base/random.hpp"

using cache::no_slot;
using cache::slot;
using cache::timing_wheel;

namespace {

std::vector<slot> due_at(timing_wheel& w, std::int64_t now) {
    while (!w.advance(now, 1000)) {
    }
    std::vector<slot> all;
    for (slot s = w.pop_due(); s != no_slot; s = w.pop_due()) all.push_back(s);
    return all;
}

}  // namespace

TEST_CASE("an entry is due at its millisecond, and not before") {
    timing_wheel w(1000);
    w.add(0, 1001);
    w.add(1, 1064);
    w.add(2, 1000 + 3'600'000);
    CHECK(due_at(w, 1000).empty());
    CHECK(due_at(w, 1001) == std::vector<slot>{0});
    CHECK(due_at(w, 1063).empty());
    CHECK(due_at(w, 1064) == std::vector<slot>{1});
    CHECK(due_at(w, 1000 + 3'599'999).empty());
    CHECK(due_at(w, 1000 + 3'600'000) == std::vector<slot>{2});
    CHECK(w.size() == 0);
    CHECK_FALSE(w.next_ms());
}

TEST_CASE("what is due already is due at once, and what is taken out never") {
    timing_wheel w(5000);
    w.add(0, 4000);
    w.add(1, 5000);
    w.add(2, 6000);
    w.remove(2);
    w.remove(2);
    CHECK_FALSE(w.contains(2));
    CHECK(due_at(w, 5000) == std::vector<slot>{0, 1});
    CHECK(due_at(w, 100'000).empty());
}

TEST_CASE("a time beyond the last level does not come early") {
    timing_wheel w(0);
    w.add(0, INT64_MAX / 2);
    CHECK(due_at(w, std::int64_t{1} << 40).empty());
    CHECK(w.size() == 1);
}

TEST_CASE("the next thing to do is never later than the first entry") {
    timing_wheel w(100);
    w.add(0, 100'000);
    std::int64_t now = 100;
    int steps = 0;
    while (w.size() > 0) {
        const auto next = w.next_ms();
        REQUIRE(next);
        CHECK(*next <= 100'000);
        now = std::max(*next, now);
        for (slot s : due_at(w, now)) {
            CHECK(s == 0);
            CHECK(now == 100'000);
        }
        REQUIRE(++steps < 10);
    }
}

TEST_CASE("a place of many entries is moved in portions, and none is lost or early") {
    timing_wheel w(0);
    constexpr slot many = 5000;
    for (slot s = 0; s < many; ++s) w.add(s, 10'000 + s % 7);
    int portions = 0;
    while (!w.advance(9'990, 100)) ++portions;
    CHECK(portions >= int(many / 100) - 1);
    CHECK(w.pop_due() == no_slot);
    std::size_t found = 0;
    for (std::int64_t now = 9'990; now < 10'010; ++now)
        for (slot s : due_at(w, now)) {
            CHECK(now == 10'000 + s % 7);
            ++found;
        }
    CHECK(found == many);
}

TEST_CASE("it does what a sorted list does") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        beam::random_generator random(seed);
        std::int64_t now = std::int64_t(random.below(1'000'000));
        timing_wheel w(now);
        std::map<slot, std::int64_t> expected;
        for (int step = 0; step < 3000; ++step) {
            const auto s = slot(random.below(200));
            const auto what = random.below(10);
            if (what < 5 && !expected.contains(s)) {
                const auto span = std::int64_t{1} << random.below(22);
                expected[s] = now + std::int64_t(random.below(std::uint64_t(span)));
                w.add(s, expected[s]);
            } else if (what < 7) {
                w.remove(s);
                expected.erase(s);
            } else {
                now += std::int64_t(random.below(std::uint64_t{1} << random.below(16)));
                for (slot due : due_at(w, now)) {
                    REQUIRE(expected.contains(due));
                    REQUIRE(expected[due] <= now);
                    expected.erase(due);
                }
                for (const auto& [left, at] : expected) REQUIRE(at > now);
            }
            REQUIRE(w.size() == expected.size());
        }
    }
}
