// Tables: rows {Key, Number} under 2^20 keys, put in in one random order and used in another.
#include <cstdint>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/resident.hpp"

namespace {

using namespace beam;

struct go {};
struct done {};

/// All numbers below `count`, a power of two, in an order that looks random.
class keys {
public:
    keys(int count, std::uint32_t factor, std::uint32_t step)
        : mask_(std::uint32_t(count) - 1), factor_(factor), step_(step) {}
    static keys put_in(int count) { return {count, 1664525, 1013904223}; }
    static keys used(int count) { return {count, 22695477, 12345}; }
    int next() {
        at_ = (at_ * factor_ + step_) & mask_;
        return int(at_);
    }

private:
    std::uint32_t mask_, factor_, step_, at_ = 0;
};

ets::table make_table(ets::table_type type) {
    ets::table_options o;
    o.type = type;
    o.access = ets::table_access::public_;
    return ets::new_table(atom("bench"), o);
}

awaitable<void> fill(self me, ets::table t, int n) {
    keys k = keys::put_in(n);
    for (int i = 0; i < n; ++i) {
        ets::insert(t, tuple(k.next(), i));
        if (bench::turn_is_over(me)) co_await me.yield();
    }
}

void look_up(const ets::table& t, int key) {
    const ets::rows found = ets::lookup(t, key);
    bench::expect(found.size() == 1, "a row was not found");
}

// What a process does n times.
using operation = void (*)(const ets::table&, int key, int i);
void one_lookup(const ets::table& t, int key, int) {
    look_up(t, key);
}
void one_count(const ets::table& t, int key, int) {
    ets::update_counter(t, key, 1);
}
void one_mixed(const ets::table& t, int key, int i) {
    if (i % 10 == 9)
        ets::insert(t, tuple(key, i));
    else
        look_up(t, key);
}

awaitable<void> repeat(self me, ets::table t, operation act, int count, int n, int seed) {
    keys k = keys::used(count);
    for (; seed > 0; --seed) k.next();
    for (int i = 0; i < n; ++i) {
        act(t, k.next(), i);
        if (bench::turn_is_over(me)) co_await me.yield();
    }
}

awaitable<double> insert(self me, ets::table_type type, int count) {
    ets::table t = make_table(type);
    auto start = bench::now_ns();
    co_await fill(me, t, count);
    double each = double(bench::now_ns() - start) / count;
    bench::expect(ets::size(t) == std::size_t(count), "rows are missing");
    co_return each;
}

awaitable<double> one_process(self me, ets::table_type type, operation act, int count, int rounds) {
    ets::table t = make_table(type);
    co_await fill(me, t, count);
    co_await repeat(me, t, act, count, count, 0);  // warms up
    auto start = bench::now_ns();
    co_await repeat(me, t, act, count, count * rounds, 0);
    co_return double(bench::now_ns() - start) / (double(count) * rounds);
}

process partner(self me, pid main, ets::table t, operation act, int count, int n, int seed) {
    co_await me.receive<go>();
    co_await repeat(me, t, act, count, n, seed);
    send(main, done{});
}

/// Nanoseconds for an operation of each of two processes.
awaitable<double> two_processes(self me, operation act, int count, int rounds) {
    ets::table t = make_table(ets::table_type::set);
    co_await fill(me, t, count);
    co_await repeat(me, t, act, count, count, 0);
    pid both[2];
    for (int i = 0; i < 2; ++i)
        both[i] = spawn_link(partner, me.id(), t, act, count, count * rounds, 1 + i * count / 3);
    auto start = bench::now_ns();
    for (pid p : both) send(p, go{});
    for (int i = 0; i < 2; ++i) co_await me.receive<done>();
    co_return double(bench::now_ns() - start) / (double(count) * rounds);
}

awaitable<double> bytes(self me, ets::table_type type, int count) {
    ets::table t = make_table(type);
    double before = bench::resident_bytes();
    co_await fill(me, t, count);
    co_return (bench::resident_bytes() - before) / count;
}

int key_count(const bench::run& run) {
    return run.pick(1 << 20, 1 << 20, 1 << 10);
}
int rounds(const bench::run& run) {
    return run.pick(4, 2, 1);
}

// The peer is measured with four sets of options, of which the best counts; a table here has no such options, and gets as
// many tries.
template <class F, class... Args>
double best(F one, Args... args) {
    double least = 0;
    for (int i = 0; i < 4; ++i) {
        beam::runtime node;
        const double each = bench::in_process(node, one, args...);
        if (i == 0 || each < least) least = each;
    }
    return least;
}

}  // namespace

BENCH(ets_insert) {
    run.figure("ets_insert", best(insert, ets::table_type::set, key_count(run)), "ns");
}
BENCH(ets_lookup) {
    run.figure("ets_lookup",
               best(one_process, ets::table_type::set, one_lookup, key_count(run), rounds(run)),
               "ns");
}
BENCH(ets_update_counter) {
    run.figure("ets_update_counter",
               best(one_process, ets::table_type::set, one_count, key_count(run), rounds(run)),
               "ns");
}
BENCH(ets_ordered_insert) {
    run.figure("ets_ordered_insert", best(insert, ets::table_type::ordered_set, key_count(run)),
               "ns");
}
BENCH(ets_ordered_lookup) {
    run.figure(
        "ets_ordered_lookup",
        best(one_process, ets::table_type::ordered_set, one_lookup, key_count(run), rounds(run)),
        "ns");
}
BENCH(ets_lookup_2p) {
    run.figure("ets_lookup_2p", best(two_processes, one_lookup, key_count(run), rounds(run)), "ns");
}
BENCH(ets_mixed_2p) {
    run.figure("ets_mixed_2p", best(two_processes, one_mixed, key_count(run), rounds(run)), "ns");
}
BENCH(ets_update_counter_2p) {
    run.figure("ets_update_counter_2p", best(two_processes, one_count, key_count(run), rounds(run)),
               "ns");
}
BENCH(ets_set_bytes) {
    beam::runtime node;
    run.figure("ets_set_bytes",
               bench::in_process(node, bytes, ets::table_type::set, key_count(run)), "B");
}
BENCH(ets_ordered_bytes) {
    beam::runtime node;
    run.figure("ets_ordered_bytes",
               bench::in_process(node, bytes, ets::table_type::ordered_set, key_count(run)), "B");
}
