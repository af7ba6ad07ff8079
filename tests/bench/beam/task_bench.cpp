// Tasks: one started and waited for after the other.
#include "libbeamcore/otp/task.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

int work(int n) {
    return n + 1;
}

beam::awaitable<double> await_each(beam::self me, int n) {
    std::int64_t start = 0;
    for (int i = -1000; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        auto t = beam::async(work, i);
        int made = co_await t.await();
        bench::expect(made == i + 1, "a task gave another value");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    co_return double(bench::now_ns() - start) / n;
}

}  // namespace

BENCH(task_await) {
    beam::runtime node;
    int n = run.pick(500'000, 100'000, 500);
    run.figure("task_await", bench::in_process(node, await_each, n), "ns");
}
