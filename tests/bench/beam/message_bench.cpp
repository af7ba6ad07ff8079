// Processes and plain messages.
#include <atomic>
#include <memory>
#include <vector>

#include "libbeamcore/runtime/send.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

struct done {};
struct go {};
struct ping {};
struct pong {};
struct result_ns {
    double each;
};
struct token {
    int hops;
};
struct next_is {
    beam::pid next;
};
struct number {
    int n;
};

beam::process trivial(beam::self, std::atomic<int>* ran, int batch, beam::pid parent) {
    if (ran->fetch_add(1, std::memory_order_relaxed) + 1 == batch) beam::send(parent, done{});
    co_return;
}

beam::awaitable<double> spawn_exit(beam::self me, int batch, int rounds) {
    std::atomic<int> ran{0};
    std::int64_t start = 0;
    for (int round = -1; round < rounds; ++round) {  // the first one warms up
        if (round == 0) start = bench::now_ns();
        ran.store(0, std::memory_order_relaxed);
        for (int i = 0; i < batch; ++i) {
            beam::spawn(trivial, &ran, batch, me.id());
            if (bench::turn_is_over(me)) co_await me.yield();
        }
        co_await me.receive<done>();
    }
    co_return double(bench::now_ns() - start) / (double(batch) * rounds);
}

beam::process ponger(beam::self me, beam::pid pinger) {
    for (;;) {
        co_await me.receive<ping>();
        beam::send(pinger, pong{});
    }
}

beam::process pinger(beam::self me, beam::pid main, int n) {
    beam::pid other = beam::spawn_link(ponger, me.id());
    std::int64_t start = 0;
    for (int i = -10000; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        beam::send(other, ping{});
        co_await me.receive<pong>();
    }
    beam::send(main, result_ns{double(bench::now_ns() - start) / n});
    beam::exit(beam::atom("measured"));  // takes the other with it
}

beam::awaitable<double> ping_pong(beam::self me, int n) {
    beam::spawn(pinger, me.id(), n);
    result_ns r = co_await me.receive<result_ns>();
    co_return r.each;
}

beam::process hop(beam::self me, beam::pid main, beam::pid next) {
    if (!next) {
        next_is m = co_await me.receive<next_is>();
        next = m.next;
    }
    for (;;) {
        token t = co_await me.receive<token>();
        if (t.hops == 0) {
            beam::send(main, done{});
        } else {
            beam::send(next, token{t.hops - 1});
        }
    }
}

beam::awaitable<double> ring(beam::self me, int hops) {
    constexpr int size = 503;
    beam::pid last = beam::spawn_link(hop, me.id(), beam::pid{});
    beam::pid first = last;
    for (int i = 1; i < size; ++i) first = beam::spawn_link(hop, me.id(), first);
    beam::send(last, next_is{first});
    beam::send(first, token{10 * size});
    co_await me.receive<done>();
    auto start = bench::now_ns();
    beam::send(first, token{hops});
    co_await me.receive<done>();
    co_return double(bench::now_ns() - start) / hops;
}

beam::process produce(beam::self me, beam::pid consumer, int n) {
    co_await me.receive<go>();
    for (int i = 0; i < n; ++i) {
        beam::send(consumer, number{i});
        if (bench::turn_is_over(me)) co_await me.yield();
    }
}

beam::process consume(beam::self me, beam::pid main, int n) {
    for (int i = 0; i < n; ++i) co_await me.receive<number>();
    beam::send(main, done{});
}

beam::awaitable<double> fan_in(beam::self me, int producers, int each) {
    beam::pid consumer = beam::spawn_link(consume, me.id(), producers * each);
    std::vector<beam::pid> all;
    for (int i = 0; i < producers; ++i) all.push_back(beam::spawn_link(produce, consumer, each));
    auto start = bench::now_ns();
    for (beam::pid p : all) beam::send(p, go{});
    co_await me.receive<done>();
    co_return double(bench::now_ns() - start) / (double(producers) * each);
}

}  // namespace

BENCH(spawn_exit) {
    beam::runtime node;
    run.figure(
        "spawn_exit",
        bench::in_process(node, spawn_exit, run.pick(10000, 10000, 100), run.pick(100, 30, 2)),
        "ns");
}

BENCH(ping_pong) {
    beam::runtime node;
    int n = run.pick(1'000'000, 300'000, 1000);
    run.figure("ping_pong", bench::in_process(node, ping_pong, n), "ns");
}

BENCH(ring) {
    beam::runtime node;
    int hops = run.pick(2'000'000, 500'000, 2000);
    run.figure("ring", bench::in_process(node, ring, hops), "ns");
}

BENCH(fan_in) {
    beam::runtime node;
    int messages = run.pick(5'000'000, 1'000'000, 8000);
    run.figure("fan_in", bench::in_process(node, fan_in, 8, messages / 8), "ns");
}
