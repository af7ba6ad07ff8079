#include "libbeamcore/runtime/internal/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "libbeamcore/base/random.hpp"

using beam::random_generator;
using beam::detail::timer_slot;
using beam::detail::timer_wheel;

namespace {

constexpr std::int64_t tick = std::int64_t{1} << timer_wheel::tick_bits;
constexpr std::int64_t ms = 1'000'000, s = 1'000 * ms, hour = 3'600 * s;

/// The wheel beside a sorted list of what should be in it.
struct model {
    timer_wheel wheel;
    struct expected {
        std::int64_t deadline;
        std::int64_t due;  // not before it was set
        timer_slot* slot;
    };
    std::map<std::uint64_t, expected> timers;
    std::int64_t now = 0;
    std::uint64_t next_id = 1;

    void arm(std::int64_t deadline) {
        const std::uint64_t id = next_id++;
        timers[id] = {deadline, std::max(deadline, now),
                      wheel.arm(id, now, deadline, beam::pid{1, 0, 0}, {})};
    }
    void cancel(std::uint64_t id, bool elsewhere) {
        timer_slot* t = timers.at(id).slot;
        REQUIRE(t->claim(id, timer_slot::cancelled));
        if (elsewhere)
            wheel.push_cancelled(t);
        else
            wheel.release(t);
        timers.erase(id);
    }
    std::int64_t first() const {
        std::int64_t best = INT64_MAX;
        for (auto& [id, t] : timers) best = std::min(best, t.due);
        return best;
    }
    void expire_at(std::int64_t to) {
        now = to;
        wheel.release_cancelled();
        std::int64_t last = INT64_MIN;
        for (timer_slot* t = wheel.expire(now); t;) {
            timer_slot* next = t->next;
            const std::uint64_t id = t->id();
            auto it = timers.find(id);
            REQUIRE(it != timers.end());
            REQUIRE(it->second.slot == t);
            REQUIRE(it->second.deadline <= now);   // never early
            REQUIRE(it->second.deadline >= last);  // in the order of their times
            last = it->second.deadline;
            timers.erase(it);
            wheel.release(t);
            t = next;
        }
        // Never late by more than a tick.
        REQUIRE(first() > now - tick);
        REQUIRE(wheel.size() == timers.size());
    }
    void check_next() const {
        const auto next = wheel.next_deadline();
        REQUIRE(next.has_value() == !timers.empty());
        // A lower bound: who sleeps until then is not late. Rounded up to its tick.
        if (next) REQUIRE(*next <= first() + tick);
    }
};

void run(std::uint64_t seed, std::int64_t step_max, std::int64_t delay_max, int rounds) {
    CAPTURE(seed);
    random_generator random(seed);
    model m;
    m.now = std::int64_t(random.below(std::uint64_t(100 * hour)));
    for (int i = 0; i < rounds; ++i) {
        for (std::uint64_t n = random.below(20); n > 0; --n) {
            // Many short ones, few long ones, some in the past.
            const auto bits = random.below(48);
            auto delay = std::int64_t(random.below((std::uint64_t{1} << bits) + 1));
            delay = std::min(delay, delay_max);
            if (random.below(10) == 0) delay = -delay / 1000;
            m.arm(m.now + delay);
        }
        for (std::uint64_t n = random.below(6); n > 0 && !m.timers.empty(); --n) {
            auto it = m.timers.lower_bound(random.below(m.next_id));
            if (it == m.timers.end()) it = m.timers.begin();
            m.cancel(it->first, random.below(2) == 0);
        }
        m.wheel.release_cancelled();
        m.check_next();
        switch (random.below(3)) {
            case 0:
                m.expire_at(m.now + std::int64_t(random.below(std::uint64_t(step_max))));
                break;
            case 1: {  // as an idle scheduler does: exactly to the next deadline
                auto next = m.wheel.next_deadline();
                if (next && *next - m.now < step_max) m.expire_at(std::max(m.now, *next));
                break;
            }
            default:
                m.expire_at(m.now);
        }
        m.check_next();
    }
    // An idle scheduler gets to every timer.
    int wakes = 0;
    while (auto next = m.wheel.next_deadline()) {
        m.expire_at(std::max(m.now, *next));
        REQUIRE(++wakes < 100'000);
    }
    CHECK(m.timers.empty());
}

}  // namespace

TEST_CASE("the wheel agrees with a sorted list: milliseconds apart") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) run(seed, 5 * ms, 100 * ms, 300);
}

TEST_CASE("the wheel agrees with a sorted list: over days, with jumps of hours") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) run(seed, 10 * hour, 60 * 24 * hour, 200);
}

TEST_CASE("the wheel agrees with a sorted list: beyond its own span") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) run(seed, 400 * hour, 1000 * 24 * hour, 100);
}

TEST_CASE("a single timer of any length fires at its tick, with few wake-ups on the way") {
    for (std::int64_t delay = 1; delay < 100 * 24 * hour; delay = delay * 3 + 1) {
        CAPTURE(delay);
        model m;
        m.now = 12345 * ms;
        const std::int64_t deadline = m.now + delay;
        m.arm(deadline);
        int wakes = 0;
        while (!m.timers.empty()) {
            auto next = m.wheel.next_deadline();
            REQUIRE(next.has_value());
            REQUIRE(*next < deadline + tick);
            m.expire_at(std::max(m.now, *next));
            REQUIRE(++wakes < 200);
        }
        CHECK(m.now - deadline < tick);
    }
}

TEST_CASE("a timer in the past fires at the next look") {
    model m;
    m.now = 100 * s;
    m.expire_at(m.now);
    m.arm(m.now - 5 * s);
    m.arm(m.now);
    m.expire_at(m.now + 2 * tick);
    CHECK(m.timers.empty());
}

TEST_CASE("an id that fired or was cancelled cannot be claimed again") {
    timer_wheel wheel;
    timer_slot* t = wheel.arm(7, 0, ms, beam::pid{1, 0, 0}, {});
    CHECK(wheel.find(t->index) == t);
    CHECK_FALSE(t->claim(8, timer_slot::cancelled));
    CHECK(t->claim(7, timer_slot::cancelled));
    CHECK_FALSE(t->claim(7, timer_slot::cancelled));
    CHECK(wheel.expire(s) == nullptr);
    wheel.release(t);
    timer_slot* again = wheel.arm(9, s, s + ms, beam::pid{1, 0, 0}, {});
    CHECK(again == t);
    CHECK_FALSE(again->claim(7, timer_slot::cancelled));
    CHECK(wheel.take_all() == again);
    CHECK(wheel.find(1u << 30) == nullptr);
}
