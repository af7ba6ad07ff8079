// gen_server: calls and casts, and what an idle one holds.
#include <vector>

#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/counter.hpp"
#include "tests/bench/beam/resident.hpp"

namespace {

using bench::counter;

struct go {};
struct done {};
struct waiting {
    int n;
};

beam::pid start_counter() {
    auto server = beam::start_link<counter>();
    bench::expect(server.has_value(), "the server did not start");
    return *server;
}

/// Calls one after the other, with `queued` messages waiting in the caller's mailbox.
beam::awaitable<double> call(beam::self me, int n, int queued) {
    beam::pid server = start_counter();
    for (int i = 0; i < queued; ++i) beam::send(me.id(), waiting{i});
    std::int64_t start = 0;
    for (int i = -10000; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        (void)co_await counter::get(server);
    }
    co_return double(bench::now_ns() - start) / n;
}

/// A flood of casts; it ends when the server has handled the last of them.
beam::awaitable<double> cast(beam::self me, int n) {
    beam::pid server = start_counter();
    for (int i = 0; i < 10000; ++i) counter::increment(server);
    int before = co_await counter::get(server);
    auto start = bench::now_ns();
    for (int i = 0; i < n; ++i) {
        counter::increment(server);
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    int after = co_await counter::get(server, beam::infinity{});
    double each = double(bench::now_ns() - start) / n;
    bench::expect(after - before == n, "casts were lost");
    co_return each;
}

beam::process caller(beam::self me, beam::pid main, const std::vector<beam::pid>* servers,
                     std::size_t first, int rounds) {
    co_await me.receive<go>();
    for (std::size_t i = 0; i < static_cast<std::size_t>(rounds); ++i)
        (void)co_await counter::get((*servers)[(first + i) % servers->size()], beam::infinity{});
    beam::send(main, done{});
}

/// 1000 callers, each calls every one of 1000 servers, beginning at its own.
beam::awaitable<double> call_many(beam::self me, int rounds) {
    constexpr std::size_t size = 1000;
    std::vector<beam::pid> servers, callers;
    for (std::size_t i = 0; i < size; ++i) servers.push_back(start_counter());
    for (std::size_t i = 0; i < size; ++i)
        callers.push_back(beam::spawn_link(caller, me.id(), &servers, i, rounds));
    auto start = bench::now_ns();
    for (beam::pid c : callers) beam::send(c, go{});
    for (std::size_t i = 0; i < size; ++i) co_await me.receive<done>();
    co_return double(bench::now_ns() - start) / (double(size) * rounds);
}

beam::awaitable<double> gen_server_bytes(beam::self me, int n) {
    double before = bench::resident_bytes();
    beam::pid last{};
    for (int i = 0; i < n; ++i) {
        auto server = beam::start<counter>();
        bench::expect(server.has_value(), "a server did not start");
        last = *server;
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    (void)co_await counter::get(last, beam::infinity{});
    co_return (bench::resident_bytes() - before) / n;
}

}  // namespace

BENCH(call) {
    beam::runtime node;
    int n = run.pick(1'000'000, 300'000, 1000);
    run.figure("call", bench::in_process(node, call, n, 0), "ns");
}

BENCH(call_full_mailbox) {
    beam::runtime node;
    int n = run.pick(500'000, 100'000, 1000);
    run.figure("call_full_mailbox", bench::in_process(node, call, n, 100'000), "ns");
}

BENCH(cast) {
    beam::runtime node;
    int n = run.pick(1'000'000, 300'000, 1000);
    run.figure("cast", bench::in_process(node, cast, n), "ns");
}

BENCH(call_1000x1000) {
    beam::runtime node;
    int rounds = run.pick(1000, 300, 5);
    run.figure("call_1000x1000", bench::in_process(node, call_many, rounds), "ns");
}

BENCH(gen_server_bytes) {
    beam::runtime node;
    int n = run.pick(1'000'000, 200'000, 1000);
    run.figure("gen_server_bytes", bench::in_process(node, gen_server_bytes, n), "B");
}
