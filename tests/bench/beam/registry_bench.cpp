// A registry of 50 000 unique keys: what it takes to register one, and to look one up.
//
// Processes register all keys and end, one after the other; the first round, in which the tables grow, does not
// count. The last process stays while keys are looked up in a mixed order.
#include "libbeamcore/otp/registry.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

const beam::atom reg("bench_registry");

struct times {
    double registered, found;
};

beam::awaitable<void> register_keys(beam::self me, int n) {
    for (int i = 0; i < n; ++i) {
        bench::expect(beam::registry::register_key(reg, i, i).has_value(), "a key is taken");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
}

beam::process registers_and_ends(beam::self me, beam::pid main, int n) {
    auto start = bench::now_ns();
    co_await register_keys(me, n);
    beam::send(main, double(bench::now_ns() - start) / n);
}

// Nanoseconds a key.
beam::awaitable<double> round(beam::self me, int n) {
    beam::spawn(registers_and_ends, me.id(), n);
    double each = co_await me.receive<double>();
    while (beam::registry::count(reg) > 0) co_await me.sleep_for(std::chrono::milliseconds(1));
    co_return each;
}

beam::awaitable<void> look_up(beam::self me, int n, int count) {
    // A step that has no factor in common with n visits all keys.
    for (int i = 0, key = 0; i < count; ++i, key = (key + 7'773) % n) {
        auto found = beam::registry::lookup(reg, key);
        bench::expect(found.size() == 1 && found[0].value == beam::term(key), "a key is missing");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
}

beam::awaitable<times> register_and_look_up(beam::self me, int n, int rounds) {
    auto starting = beam::registry::start_link(reg);
    auto started = co_await starting;
    bench::expect(started.has_value(), "the registry did not start");
    (void)co_await round(me, n);
    times t{};
    for (int i = 0; i < rounds; ++i) t.registered += co_await round(me, n) / rounds;
    co_await register_keys(me, n);
    co_await look_up(me, n, n);
    const int lookups = 2 * rounds * n;
    auto start = bench::now_ns();
    co_await look_up(me, n, lookups);
    t.found = double(bench::now_ns() - start) / lookups;
    co_return t;
}

}  // namespace

BENCH(registry) {
    beam::runtime node;
    int n = run.pick(50'000, 50'000, 1000);
    times t = bench::in_process(node, register_and_look_up, n, run.pick(10, 4, 1));
    run.figure("registry_register", t.registered, "ns");
    run.figure("registry_lookup", t.found, "ns");
}
