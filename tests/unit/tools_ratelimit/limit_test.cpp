#include "tools/ratelimit/app/limit.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <vector>

#include "libbeamcore/base/random.hpp"

namespace {

using namespace ratelimit;
using namespace std::chrono_literals;

constexpr std::int64_t start = 1'000'000'000'000;  // any moment

limit made(std::uint64_t count, nanoseconds period, algorithm kind = algorithm::bucket,
           std::uint64_t burst = 0) {
    limit l{count, period, burst > 0 ? burst : count, kind};
    REQUIRE(check(l).has_value());
    return l;
}

std::int64_t after(nanoseconds d) {
    return start + d.count();
}

}  // namespace

TEST_CASE("eleven checks within a second: nine to none remain, then twelve seconds") {
    const limit l;
    usage u;
    for (std::uint64_t i = 0; i < 10; ++i) {
        const verdict v = take(u, l, after(i * 90ms), 1);
        CHECK(v.allowed);
        CHECK(v.remaining == 9 - i);
        CHECK(v.limit == 10);
        CHECK(v.retry_after == 0ns);
    }
    const verdict v = take(u, l, after(900ms), 1);
    CHECK_FALSE(v.allowed);
    CHECK(v.remaining == 0);
    CHECK(v.retry_after == 12s - 900ms);
    CHECK(v.reset_after == 120s - 900ms);
}

TEST_CASE("a token is back to the nanosecond, not one earlier") {
    const limit l = made(1, 12s);
    usage u;
    CHECK(take(u, l, start, 1).allowed);
    CHECK(take(u, l, after(12s - 1ns), 1).retry_after == 1ns);
    CHECK(take(u, l, after(12s), 1).allowed);
}

TEST_CASE("a rate that no number of nanoseconds divides does not drift") {
    // 3 each second: a token every 333333333 1/3 ns. One that asks as soon as it may, a million times.
    const limit l = made(3, 1s);
    usage u;
    std::int64_t now = start;
    for (int i = 0; i < 3; ++i) CHECK(take(u, l, now, 1).allowed);
    for (int i = 0; i < 1'000'000; ++i) {
        const verdict refused = take(u, l, now, 1);
        REQUIRE_FALSE(refused.allowed);
        now += refused.retry_after.count();
        REQUIRE(take(u, l, now, 1).allowed);
    }
    // Each wait is rounded up to a nanosecond, and what it was too long counts for the next.
    CHECK(now - start == 333'333'333'333'334);
}

TEST_CASE("the largest limits are counted exactly") {
    const limit l = made(count_max, period_max);
    usage u;
    CHECK(take(u, l, start, count_max).allowed);
    const verdict v = take(u, l, start, count_max);
    CHECK_FALSE(v.allowed);
    CHECK(v.retry_after == period_max);
    CHECK(take(u, l, after(period_max - 1ns), count_max).retry_after == 1ns);
    CHECK(take(u, l, after(period_max), count_max).allowed);
}

TEST_CASE("a burst larger or smaller than the count") {
    const limit large = made(10, 1s, algorithm::bucket, 100);
    usage u;
    CHECK(take(u, large, start, 100).remaining == 0);
    CHECK(take(u, large, after(1s), 10).allowed);
    CHECK_FALSE(take(u, large, after(1s), 1).allowed);
    const limit small = made(10, 1s, algorithm::bucket, 1);
    usage v;
    CHECK(take(v, small, start, 1).allowed);
    CHECK(take(v, small, start, 1).retry_after == 100ms);
}

TEST_CASE("a request of several takes them all or none") {
    const limit l;
    usage u;
    CHECK(take(u, l, start, 7).remaining == 3);
    const verdict v = take(u, l, start, 4);
    CHECK_FALSE(v.allowed);
    CHECK(v.remaining == 3);
    CHECK(v.retry_after == 12s);
    CHECK(take(u, l, start, 3).allowed);
    CHECK(check_cost(l, 10).has_value());
    CHECK(check_cost(l, 11).error().code == "bad_cost");
}

TEST_CASE("looking takes nothing, and tells when the next would pass") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
        const limit l = made(2, 10s, kind);
        usage u;
        CHECK(look(u, l, start).allowed);
        CHECK(look(u, l, start).remaining == 2);
        CHECK(u == usage());
        (void)take(u, l, start, 2);
        const usage before = u;
        const verdict v = look(u, l, start);
        CHECK_FALSE(v.allowed);
        CHECK(v.remaining == 0);
        CHECK(v.retry_after == (kind == algorithm::bucket ? 5s : 10s));
        CHECK(v.reset_after == 10s);
        CHECK(u == before);
        CHECK(take(u, l, start, 0).allowed);
        CHECK(look(u, l, start).remaining == 0);
    }
}

TEST_CASE("a clock that is read before another's charge changes nothing for the better") {
    const limit l = made(1, 1s);
    usage u;
    CHECK(take(u, l, after(5s), 1).allowed);
    CHECK(take(u, l, after(4s), 1).retry_after == 1s);
    CHECK_FALSE(take(u, l, after(5s + 999ms), 1).allowed);
    CHECK(take(u, l, after(6s), 1).allowed);
}

TEST_CASE("tokens given back may be taken again, and never more than were spent") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
        const limit l = made(5, 10s, kind);
        usage u;
        (void)take(u, l, start, 5);
        give_back(u, l, start, 2);
        CHECK(look(u, l, start).remaining == 2);
        give_back(u, l, start, 100);
        CHECK(look(u, l, start).remaining == 5);
        CHECK(idle_from(u, l) <= start);
    }
}

TEST_CASE("who waits is served in the order of arrival, and nobody passes") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
        const limit l = made(1, 10s, kind);
        usage u;
        CHECK(take(u, l, start, 1).allowed);
        for (int i = 1; i <= 5; ++i) {
            const verdict v = take(u, l, after(i * 1s), 1, 1h);
            CHECK(v.allowed);
            CHECK(v.wait == i * 10s - i * 1s);
        }
        // The place is free, but those who wait come first.
        CHECK(take(u, l, after(10s), 1).retry_after == 50s);
        CHECK(take(u, l, after(59s), 1).retry_after == 1s);
        CHECK(take(u, l, after(60s), 1).allowed);
    }
}

TEST_CASE("who would wait longer than it can is told at once and charged nothing") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
        const limit l = made(1, 10s, kind);
        usage u;
        (void)take(u, l, start, 1);
        const usage before = u;
        const verdict v = take(u, l, start, 1, 9s);
        CHECK_FALSE(v.allowed);
        CHECK(v.retry_after == 10s);
        CHECK(u == before);
        CHECK(take(u, l, start, 1, 10s).wait == 10s);
        give_back(u, l, start, 1);
        CHECK(take(u, l, start, 1, 10s).wait == 10s);
    }
}

TEST_CASE("a sliding window never lets more through in any period, and all that it may") {
    beam::random_generator random(7);
    const limit l = made(20, 1s, algorithm::sliding);
    usage u;
    std::deque<std::int64_t> passed;  // one by one
    std::int64_t now = start;
    for (int i = 0; i < 20'000; ++i) {
        now += static_cast<std::int64_t>(random.below(60'000'000));
        const auto cost = 1 + random.below(3);
        while (!passed.empty() && passed.front() <= now - 1'000'000'000) passed.pop_front();
        const bool fits = passed.size() + cost <= 20;
        const verdict v = take(u, l, now, cost);
        REQUIRE(v.allowed == fits);
        if (fits)
            for (std::uint64_t n = 0; n < cost; ++n) passed.push_back(now);
        REQUIRE(v.remaining == 20 - passed.size());
        if (!fits) {
            usage later = u;
            CHECK_FALSE(take(later, l, now + v.retry_after.count() - 1, cost).allowed);
            CHECK(take(later, l, now + v.retry_after.count(), cost).allowed);
        }
    }
}

TEST_CASE("a large sliding window keeps few charges and is never too generous") {
    beam::random_generator random(8);
    const limit l = made(10'000, 1s, algorithm::sliding);
    usage u;
    std::deque<std::pair<std::int64_t, std::uint64_t>> passed;
    std::uint64_t sum = 0;
    std::int64_t now = start;
    int refused_wrongly = 0, refused = 0;
    for (int i = 0; i < 100'000; ++i) {
        now += static_cast<std::int64_t>(random.below(150'000));
        while (!passed.empty() && passed.front().first <= now - 1'000'000'000) {
            sum -= passed.front().second;
            passed.pop_front();
        }
        const verdict v = take(u, l, now, 1);
        if (v.allowed) {
            passed.emplace_back(now, 1);
            ++sum;
            REQUIRE(sum <= 10'000);
        } else {
            ++refused;
            if (sum < 10'000) ++refused_wrongly;
            REQUIRE(v.retry_after <= 1s + 1s / 64);
        }
        REQUIRE(u.log.size() <= 66);
    }
    CHECK(refused > 0);
    CHECK(passed.size() > 9'000);
}

TEST_CASE("a fixed window begins with its first charge and ends a period later") {
    const limit l = made(3, 10s, algorithm::fixed);
    usage u;
    CHECK(take(u, l, after(7s), 1).reset_after == 10s);
    CHECK(take(u, l, after(16s), 2).reset_after == 1s);
    const verdict v = take(u, l, after(16s), 1);
    CHECK_FALSE(v.allowed);
    CHECK(v.retry_after == 1s);
    CHECK(take(u, l, after(17s), 3).remaining == 0);
    CHECK(idle_from(u, l) == after(27s));
}

TEST_CASE("in a fixed window what does not fit into the rest waits for the next one") {
    const limit l = made(3, 10s, algorithm::fixed);
    usage u;
    CHECK(take(u, l, start, 2).remaining == 1);
    CHECK(take(u, l, start, 2, 1h).wait == 10s);
    CHECK(take(u, l, start, 1, 1h).wait == 10s);
    CHECK(take(u, l, start, 1, 1h).wait == 20s);
    CHECK(take(u, l, after(20s), 2).remaining == 0);
}

TEST_CASE("a changed limit finds the same share spent, or the same number, or nothing") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
        const limit before = made(10, 100s, kind), after_it = made(40, 200s, kind);
        usage spent;
        (void)take(spent, before, start, 5);
        usage u = spent;
        adopt(u, before, after_it, start, inheritance::scale);
        CHECK(look(u, after_it, start).remaining == 20);
        u = spent;
        adopt(u, before, after_it, start, inheritance::keep);
        CHECK(look(u, after_it, start).remaining == 35);
        u = spent;
        adopt(u, before, after_it, start, inheritance::reset);
        CHECK(look(u, after_it, start).remaining == 40);
        u = spent;
        adopt(u, before, made(2, 1s, kind), start, inheritance::keep);
        CHECK(look(u, made(2, 1s, kind), start).remaining == 0);
        CHECK(look(u, made(2, 1s, kind), start).reset_after <= 100s);
    }
}

TEST_CASE("a change of a limit never gives back a token, not even a part of one") {
    beam::random_generator random(9);
    for (int i = 0; i < 10'000; ++i) {
        const limit a = made(1 + random.below(50), nanoseconds(1000 + random.below(1'000'000)),
                             algorithm::bucket, 1 + random.below(50));
        const limit b = made(1 + random.below(50), nanoseconds(1000 + random.below(1'000'000)),
                             algorithm::bucket, 1 + random.below(50));
        usage u;
        (void)take(u, a, start, random.below(a.burst + 1));
        const auto now = start + static_cast<std::int64_t>(random.below(500));
        (void)take(u, a, now, 0);
        // spent / burst, as fractions: u.used + u.part / period of the one and the other.
        const auto share = [](const usage& x, const limit& l) {
            return (double(x.used) + double(x.part) / double(l.period.count())) / double(l.burst);
        };
        const double before = share(u, a);
        adopt(u, a, b, now, inheritance::scale);
        const double then = share(u, b);
        CHECK(then >= before - 1e-9);
        CHECK(then <= before + 3.0 / double(b.period.count()) + 1e-9);
    }
}

TEST_CASE("another algorithm finds the same number spent just now") {
    const limit bucket = made(10, 100s), sliding = made(10, 100s, algorithm::sliding),
                fixed = made(10, 100s, algorithm::fixed);
    for (const limit& from : {bucket, sliding, fixed})
        for (const limit& to : {bucket, sliding, fixed}) {
            usage u;
            (void)take(u, from, start, 4);
            adopt(u, from, to, start, inheritance::scale);
            CHECK(look(u, to, start).remaining == 6);
            CHECK(look(u, to, after(100s)).remaining == 10);
        }
}

TEST_CASE("a usage is idle when nothing of it is left, and not before") {
    for (const algorithm kind : {algorithm::bucket, algorithm::sliding, algorithm::fixed}) {
        const limit l = made(3, 7s, kind);
        usage u;
        (void)take(u, l, start, 1);
        (void)take(u, l, after(1s), 2);
        const std::int64_t idle = idle_from(u, l);
        CHECK(look(u, l, idle - 1, 3).remaining < 3);
        CHECK(look(u, l, idle, 3).remaining == 3);
        CHECK(look(u, l, idle, 3).reset_after == 0ns);
    }
}

TEST_CASE("limits that make no sense are refused, and say why") {
    CHECK(check({0, 1s, 1}).error().code == "bad_count");
    CHECK(check({count_max + 1, 1s, 1}).error().code == "bad_count");
    CHECK(check({1, 0ns, 1}).error().code == "bad_period");
    CHECK(check({1, period_max + 1ns, 1}).error().code == "bad_period");
    CHECK(check({1, 1s, 0}).error().code == "bad_burst");
    CHECK(check({1, 1s, 2, algorithm::fixed}).error().code == "bad_burst");
    CHECK(parse_limit("10/2m", 0, "") == limit{});
    CHECK(parse_limit("10/2m", 20, "bucket") == limit{10, 2min, 20});
    CHECK(parse_limit("100/s", 0, "sliding") == limit{100, 1s, 100, algorithm::sliding});
    for (const char* bad : {"", "ten", "10/", "/s", "10/2x", "-1/s", "0/s", "1e3/s", "10/0s"})
        CHECK_FALSE(parse_limit(bad, 0, "").has_value());
    CHECK(parse_limit("1/s", 0, "leaky").error().code == "bad_algorithm");
    CHECK(rate_text({100, 1s, 100}) == "100/s");
}
