// Timers: setting and cancelling a million, and how late they fire.
#include <chrono>
#include <vector>

#include "libbeamcore/runtime/timer.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/histogram.hpp"
#include "tests/bench/beam/loops.hpp"

namespace {

struct fired {};
struct due {
    std::int64_t at_ns;
};
struct set_and_cancel {
    double set, cancel;
};

/// Delays of one to two minutes, so that none fires meanwhile.
beam::awaitable<set_and_cancel> timers(beam::self me, int n) {
    std::vector<beam::ref> pending;
    pending.reserve(static_cast<std::size_t>(n));
    auto start = bench::now_ns();
    for (std::int64_t i = 0; i < n; ++i) {
        std::chrono::milliseconds delay(60000 + i * 7919 % 60000);
        pending.push_back(beam::send_after(delay, me.id(), fired{}));
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    auto set = bench::now_ns();
    for (const auto& t : pending) {
        bench::expect(beam::cancel_timer(t).has_value(), "a timer fired");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    auto end = bench::now_ns();
    co_return set_and_cancel{double(set - start) / n, double(end - set) / n};
}

/// Timers spread over one second: from when each was due to when its owner has the message.
beam::awaitable<double> late(beam::self me, int n) {
    bench::histogram h;
    for (std::int64_t i = 1; i <= n; ++i) {
        std::chrono::milliseconds delay(1 + i * 7919 % 1000);
        auto at = bench::now_ns() + std::chrono::nanoseconds(delay).count();
        beam::send_after(delay, me.id(), due{at});
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    for (int i = 0; i < n; ++i) {
        due d = co_await me.receive<due>();
        h.record(bench::now_ns() - d.at_ns);
    }
    co_return h.percentile_us(99);
}

}  // namespace

BENCH(timers) {
    beam::runtime node;
    auto each = bench::in_process(node, timers, run.pick(1'000'000, 200'000, 1000));
    run.figure("timer_set", each.set, "ns");
    run.figure("timer_cancel", each.cancel, "ns");
}

BENCH(timer_late) {
    beam::runtime node;
    int n = run.pick(10'000, 10'000, 100);
    run.figure("timer_late_p99", bench::in_process(node, late, n), "us");
    bench::endless_loops loops(node, 2);
    run.figure("timer_late_p99_loops", bench::in_process(node, late, n), "us");
}
