// Resident memory of idle processes.
#include <atomic>

#include "libbeamcore/runtime/send.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/resident.hpp"

namespace {

struct all_ran {};
struct stop {};

beam::process idle(beam::self me, std::atomic<int>* ran, int n, beam::pid main) {
    if (ran->fetch_add(1) + 1 == n) beam::send(main, all_ran{});
    co_await me.receive<stop>();
}

beam::awaitable<double> process_bytes(beam::self me, int n) {
    std::atomic<int> ran{0};
    double before = bench::resident_bytes();
    for (int i = 0; i < n; ++i) {
        beam::spawn(idle, &ran, n, me.id());
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    co_await me.receive<all_ran>();
    co_return (bench::resident_bytes() - before) / n;
}

}  // namespace

BENCH(process_bytes) {
    beam::runtime node;
    int n = run.pick(1'000'000, 200'000, 1000);
    run.figure("process_bytes", bench::in_process(node, process_bytes, n), "B");
}
