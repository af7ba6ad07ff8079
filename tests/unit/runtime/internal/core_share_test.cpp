#include "libbeamcore/runtime/internal/core_share.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/busy_machine.hpp"

using namespace beam;
using namespace test;
using detail::core_share;
using detail::core_times;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t tick = core_share::period_ns;

/// Periods of a machine, of which each thread gets so many cores.
class machine {
public:
    explicit machine(unsigned schedulers) : share(schedulers) {}

    unsigned period(double ran, double waited, bool all_ran_out = true) {
        now += tick;
        return share.judge(
            {tick, {std::int64_t(ran * tick), std::int64_t(waited * tick)}, all_ran_out}, now);
    }
    unsigned periods(int count, double ran, double waited) {
        unsigned active = 0;
        for (int i = 0; i < count; ++i) active = period(ran, waited);
        return active;
    }

    core_share share;
    std::int64_t now = 1'000'000'000'000;
};

}  // namespace

TEST_CASE("with cores enough all schedulers take work, whether they have much or none") {
    machine m(4);
    CHECK(m.periods(100, 0, 0) == 4);
    CHECK(m.periods(100, 0.5, 0.05) == 4);
    CHECK(m.periods(100, 4, 0) == 4);
}

TEST_CASE("schedulers that wait for cores rest, as far as the others can do their work") {
    machine m(4);
    CHECK(m.periods(20, 0.4, 0.6) == 1);
    machine busier(4);
    CHECK(busier.periods(20, 2.0, 2.0) == 3);
    machine full(2);
    CHECK(full.periods(100, 1.2, 0.8) == 2);
}

TEST_CASE("one that never runs out of work gets another's help at once") {
    machine m(2);
    CHECK(m.periods(20, 0.4, 0.6) == 1);
    CHECK(m.period(0.5, 0.5, false) == 2);
    CHECK(m.period(0.4, 0.6) == 2);  // not back and forth
    CHECK(m.periods(20, 0.4, 0.6) == 1);
}

TEST_CASE("one that is stuck gets all of them") {
    machine m(8);
    CHECK(m.periods(40, 0.4, 0.6) == 1);
    CHECK(m.share.all_help(m.now) == 8);
}

TEST_CASE("free cores are taken again, later each time if that was for nothing") {
    machine m(2);
    std::int64_t before = 0;
    for (int round = 0; round < 4; ++round) {
        for (int i = 0; m.period(0.4, 0.6) == 2; ++i) REQUIRE(i < 1000);
        const std::int64_t began = m.now;
        for (int i = 0; m.period(0.4, 0.05) == 1; ++i) REQUIRE(i < 1000);
        const std::int64_t rested = m.now - began;
        CHECK(rested > before);
        before = rested;
    }
    // After a long time among free cores it begins with short rests again.
    CHECK(m.periods(2000, 0.4, 0.05) == 2);
    for (int i = 0; m.period(0.4, 0.6) == 2; ++i) REQUIRE(i < 1000);
    const std::int64_t began = m.now;
    for (int i = 0; m.period(0.4, 0.05) == 1; ++i) REQUIRE(i < 1000);
    CHECK(m.now - began < before);
}

TEST_CASE("what was before all slept does not count") {
    machine m(2);
    CHECK(m.periods(20, 0.4, 0.6) == 1);
    m.now += 100 * tick;
    CHECK(m.share.begin_anew(m.now) == 2);
}

TEST_CASE(
    "on a busy machine a scheduler rests, and nobody misses it; when cores are free it is back") {
    if (!detail::core_times_of(int(::gettid()))) {
        MESSAGE("the kernel does not tell how long a thread has waited");
        return;
    }
    runtime_options o;
    o.schedulers = 2;
    runtime node(o);
    std::atomic<bool> stop{false};
    // Short work again and again, never more than a scheduler can do.
    for (int i = 0; i < 4; ++i)
        node.spawn(
            [](self me, std::atomic<bool>* is_over) -> process {
                while (!*is_over) co_await me.sleep_for(200us);
            },
            &stop);
    // Asked now and then, by a process: this thread takes no core.
    const auto becomes = [&](unsigned active) {
        return *node.execute(
            [](self me, unsigned wanted) -> awaitable<bool> {
                const auto end = monotonic_time() + 60s;
                while (me.node().statistics().schedulers_active != wanted) {
                    if (monotonic_time() > end) co_return false;
                    co_await me.sleep_for(1ms);
                }
                co_return true;
            },
            active);
    };
    {
        const busy_machine others;
        CHECK(becomes(1));
        // One that does not give way, and one behind it that it waits for.
        CHECK(*node.execute([](self me) -> awaitable<bool> {
            std::atomic<bool> is_done{false};
            me.node().spawn(
                [](self, std::atomic<bool>* done) -> process {
                    *done = true;
                    co_return;
                },
                &is_done);
            const auto end = std::chrono::steady_clock::now() + 60s;
            while (!is_done && std::chrono::steady_clock::now() < end) __builtin_ia32_pause();
            co_return is_done.load();
        }));
    }
    CHECK(becomes(2));
    stop = true;
}
