// Latency of others while processes loop without end.
#include <chrono>
#include <memory>
#include <string>

#include "libbeamcore/runtime/send.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/histogram.hpp"
#include "tests/bench/beam/loops.hpp"

namespace {

using namespace std::chrono_literals;

struct ping {
    beam::pid from;
};
struct pong {};

beam::process ponger(beam::self me) {
    for (;;) {
        ping p = co_await me.receive<ping>();
        beam::send(p.from, pong{});
    }
}

/// Round trips for `length_ms`; with `sleep` a 1 ms timer comes before each and belongs to its time.
beam::awaitable<void> measure(beam::self me, beam::pid other, int length_ms, bool sleep,
                              bench::histogram* h) {
    auto end = bench::now_ns() + length_ms * std::int64_t{1'000'000};
    for (std::int64_t now = 0; now < end;) {
        auto start = bench::now_ns();
        if (sleep) co_await me.sleep_for(1ms);
        beam::send(other, ping{me.id()});
        co_await me.receive<pong>();
        now = bench::now_ns();
        h->record(now - start);
    }
}

void fair(const bench::run& run, int count, const std::string& suffix) {
    beam::runtime node;
    bench::endless_loops loops(node, count);
    beam::pid other = node.spawn(ponger);
    auto pings = std::make_unique<bench::histogram>();
    auto sleeps = std::make_unique<bench::histogram>();
    bool good =
        node.execute(measure, other, run.pick(10000, 2000, 50), false, pings.get()).has_value() &&
        node.execute(measure, other, run.pick(3000, 1000, 50), true, sleeps.get()).has_value();
    bench::expect(good, "the measuring process exited");
    run.figure("fair_p99" + suffix, pings->percentile_us(99), "us");
    run.figure("fair_max" + suffix, pings->max_us(), "us");
    run.figure("fair_sleep" + suffix, sleeps->percentile_us(50), "us");
}

}  // namespace

BENCH(fair) {
    fair(run, 8, "");
}
BENCH(fair_2) {
    fair(run, 2, "_2");
}
