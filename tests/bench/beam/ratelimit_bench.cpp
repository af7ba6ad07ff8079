// Limits and breakers: one check inside the node; a transition and a status among many breakers.
#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tools/ratelimit/app/application.hpp"
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/starter.hpp"

namespace {

// Few enough to stay in the caches: what a check costs, not what memory does.
constexpr int keys = 1000;

// A check as a process of the node makes it: the key is at hand, the limit allows it.
beam::awaitable<double> checks(beam::self me, int n) {
    const beam::ets::table usages = ratelimit::make_usage_table();
    const ratelimit::limit l{1'000'000'000, std::chrono::hours(24), 1'000'000'000};
    std::vector<beam::term> names;
    names.reserve(keys);
    for (int i = 0; i < keys; ++i)
        names.emplace_back(ratelimit::row_name("default", "user" + std::to_string(i)));
    const auto usage = beam::ets::whereis(usages.name()).value();
    std::uint64_t allowed = 0;
    for (const beam::term& name : names) allowed += charge(usage, name, l, 1).allowed ? 1 : 0;
    const auto start = bench::now_ns();
    for (int i = 0; i < n; ++i) {
        allowed += charge(usage, names[std::size_t(i * 7919) % keys], l, 1).allowed ? 1 : 0;
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    const auto end = bench::now_ns();
    bench::expect(allowed == std::uint64_t(n) + keys, "a check was refused");
    co_return double(end - start) / n;
}

struct breaker_times {
    double transition, status;
};

beam::pid pid_of(beam::outcome<beam::pid> p) {
    bench::expect(p.has_value(), "a breaker did not start");
    return *p;
}

// Opens a closed breaker and closes it again, and asks for the status, each of breakers all over the place.
beam::awaitable<breaker_times> among(beam::self me, int count, int rounds) {
    std::vector<beam::pid> all;
    for (int i = 0; i < count; ++i) {
        beam::outcome<beam::pid> made =
            co_await breakers::ensure_breaker("service" + std::to_string(i));
        all.push_back(pid_of(made));
    }
    const auto at = [&](int i) { return all[std::size_t(i) * 7919 % all.size()]; };
    for (int i = 0; i < rounds; ++i) (void)co_await breakers::breaker::look_at(at(i));
    const auto start = bench::now_ns();
    for (int i = 0; i < rounds; ++i) {
        using breakers::force_kind;
        const auto trip = i % 2 == 0 ? force_kind::trip : force_kind::reset;
        auto asked = breakers::breaker::apply_force(at(i / 2), trip, std::chrono::hours(1), "", "");
        auto done = co_await asked;
        bench::expect(done.has_value() && *done, "a breaker did not change its state");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    const auto changed = bench::now_ns();
    for (int i = 0; i < rounds; ++i) {
        auto asked = breakers::breaker::look_at(at(i));
        auto s = co_await asked;
        bench::expect(s.state == breakers::state_kind::closed, "a breaker is not closed");
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    const auto end = bench::now_ns();
    co_return breaker_times{double(changed - start) / rounds, double(end - changed) / rounds};
}

beam::awaitable<breaker_times> measured(beam::self me, int count, int rounds) {
    beam::start_result started = co_await ratelimit::ratelimit_app::start(beam::nil);
    bench::expect(started.has_value(), "the application did not start");
    auto times = among(me, count, rounds);
    co_return co_await times;
}

}  // namespace

BENCH(ratelimit_check) {
    beam::runtime node;
    const int n = run.pick(5'000'000, 1'000'000, 1000);
    run.figure("ratelimit_check", bench::in_process(node, checks, n), "ns");
}

// The same work among a hundred breakers and among a hundred thousand.
BENCH(breakers_100k) {
    const int rounds = run.pick(200'000, 50'000, 100);
    beam::runtime few_node, many_node;
    const auto few = bench::in_process(few_node, measured, 100, rounds);
    const auto many =
        bench::in_process(many_node, measured, run.pick(100'000, 100'000, 200), rounds);
    run.figure("breakers_100_change", few.transition, "ns");
    run.figure("breakers_100k_change", many.transition, "ns");
    run.figure("breakers_100_status", few.status, "ns");
    run.figure("breakers_100k_status", many.status, "ns");
}
