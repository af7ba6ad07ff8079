#include "tools/ratelimit/app/call_window.hpp"

#include <doctest/doctest.h>

#include <deque>

#include "libbeamcore/base/random.hpp"

namespace {

using namespace breakers;
using namespace std::chrono_literals;

constexpr std::int64_t start = 5'000'000'000;

}  // namespace

TEST_CASE("a window of time counts a call for its time, and at most a 32nd longer") {
    beam::random_generator random(3);
    const nanoseconds time = 1s;
    call_window w(time, 0);
    std::deque<std::pair<std::int64_t, call_end>> all;
    std::int64_t now = start;
    for (int i = 0; i < 20'000; ++i) {
        now += static_cast<std::int64_t>(random.below(20'000'000));
        const auto end = static_cast<call_end>(random.below(3));
        w.add(now, end);
        all.emplace_back(now, end);
        std::uint64_t at_least = 0, at_most = 0;
        while (all.front().first <= now - (time + time / 31).count()) all.pop_front();
        for (const auto& [at, what] : all) {
            if (what == call_end::success) continue;
            if (at > now - time.count()) ++at_least;
            ++at_most;
        }
        const auto counts = w.counts(now);
        REQUIRE(counts.failures >= at_least);
        REQUIRE(counts.failures <= at_most);
        REQUIRE(counts.calls >= counts.failures);
        REQUIRE(counts.failures >= counts.slow);
    }
}

TEST_CASE("a window of time empties by itself, and says when") {
    call_window w(10s, 0);
    CHECK(w.empty_from() == 0);
    w.add(start, call_end::failure);
    w.add(start + 1, call_end::slow);
    CHECK(w.counts(start + 2) == call_counts{2, 2, 1});
    const std::int64_t empty = w.empty_from();
    CHECK(w.counts(empty - 1) == call_counts{2, 2, 1});
    CHECK(w.counts(empty) == call_counts{});
    CHECK(empty >= start + nanoseconds(10s).count());
    CHECK(empty <= start + nanoseconds(10s).count() * 33 / 32 + 1);
}

TEST_CASE("a window of calls counts exactly the last ones") {
    beam::random_generator random(4);
    call_window w(1s, 100);
    std::deque<call_end> last;
    for (int i = 0; i < 5'000; ++i) {
        const auto end = static_cast<call_end>(random.below(3));
        w.add(start, end);
        last.push_back(end);
        if (last.size() > 100) last.pop_front();
        call_counts expected;
        for (const call_end e : last) {
            ++expected.calls;
            if (e != call_end::success) ++expected.failures;
            if (e == call_end::slow) ++expected.slow;
        }
        REQUIRE(w.counts(start + i * 1'000'000'000LL) == expected);
    }
    CHECK(w.empty_from() == INT64_MAX);
    w.clear();
    CHECK(w.counts(start) == call_counts{});
    CHECK(w.empty_from() == 0);
    w.add(start, call_end::failure);
    CHECK(w.counts(start) == call_counts{1, 1, 0});
}

TEST_CASE("what opens a breaker: a number of failures, or their share of enough calls") {
    settings s;
    CHECK_FALSE(opens(s, {4, 4, 0}));
    CHECK(opens(s, {5, 5, 0}));
    CHECK(opens(s, {500, 5, 5}));
    s.failures = 0;
    s.rate_ppm = 500'000;
    s.min_calls = 10;
    CHECK_FALSE(opens(s, {9, 9, 0}));
    CHECK(opens(s, {10, 5, 0}));
    CHECK_FALSE(opens(s, {11, 5, 0}));
    CHECK_FALSE(opens(s, {100, 0, 0}));
}
