#include "libbeamcore/runtime/simulation.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

using trace = std::vector<std::string>;

/// One of a crowd: jobs, timers, calls of yield and messages, in an order of its own.
process member(self me, trace* log, std::vector<pid>* all, int number) {
    random_generator random(std::uint64_t(number) + 1);
    me.trap_exit(number % 2 == 0);
    for (int i = 0; i < 30; ++i) {
        log->push_back(std::to_string(number) + "." + std::to_string(i) + " at " +
                       std::to_string(monotonic_time().count()));
        switch (random.below(5)) {
            case 0: {
                auto job = blocking([number] { return number; });
                int n = co_await job;
                log->push_back("job " + std::to_string(n));
                break;
            }
            case 1:
                co_await me.sleep_for(std::chrono::microseconds(random.below(3000)));
                break;
            case 2:
                send((*all)[random.below(all->size())], i);
                break;
            case 3: {
                auto m = co_await me.receive_for(std::chrono::microseconds(random.below(1000)));
                log->push_back(m ? to_string(as_erlang(std::move(m))) : "nothing");
                break;
            }
            default:
                co_await me.yield();
        }
        if (random.below(40) == 0) link((*all)[random.below(all->size())]);
        if (random.below(60) == 0) exit((*all)[random.below(all->size())], atoms::kill);
    }
}

trace run_crowd(std::uint64_t seed) {
    trace log;
    runtime node(deterministic(seed));
    std::vector<pid> all;
    for (int i = 0; i < 12; ++i) all.push_back(node.spawn(member, &log, &all, i));
    node.run_until([&] { return node.processes().empty(); }, 1s);
    log.push_back(std::to_string(node.now().count()));
    return log;
}

struct account {
    int balance = 0;
};

/// Reads, gives way and writes: a lost update if another comes between.
process deposit(self me, account* a, int times, pid tester) {
    for (int i = 0; i < times; ++i) {
        const int read = a->balance;
        if (me.bump_reductions(400)) co_await me.yield();
        a->balance = read + 1;
    }
    send(tester, done{});
}

std::optional<std::string> lost_update(runtime& node) {
    account a;
    auto r = node.execute(
        [](self me, account* shared) -> awaitable<void> {
            for (int i = 0; i < 2; ++i) spawn(deposit, shared, 2, me.id());
            for (int i = 0; i < 2; ++i) co_await me.receive<done>();
        },
        &a);
    if (!r) return to_string(r.error());
    if (a.balance == 4) return {};
    return "balance " + std::to_string(a.balance);
}

}  // namespace

TEST_CASE("the same seed gives the same run, to the nanosecond") {
    for (std::uint64_t seed = 1; seed <= seed_count(); ++seed) {
        CAPTURE(seed);
        const trace first = run_crowd(seed);
        CHECK(first.size() > 50);
        CHECK(first == run_crowd(seed));
    }
}

TEST_CASE("different seeds give different runs") {
    std::set<trace> all;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) all.insert(run_crowd(seed));
    CHECK(all.size() == 20);
}

TEST_CASE("explore finds a planted race, and gives the smallest seed of the range that fails") {
    simulation::exploration options;
    options.print = false;
    const auto found = simulation::explore(lost_update, options);
    REQUIRE(found.has_value());
    CHECK(found->what.substr(0, 8) == "balance ");
    CHECK(found->seed >= 1);
    // All before it pass, and it fails again.
    for (std::uint64_t seed = 1; seed < found->seed; ++seed) {
        runtime node(deterministic(seed));
        CHECK_FALSE(lost_update(node).has_value());
    }
    runtime node(deterministic(found->seed));
    CHECK(lost_update(node) == found->what);

    options.first_seed = found->seed + 1;
    options.seeds = 5000;
    const auto next = simulation::explore(lost_update, options);
    REQUIRE(next.has_value());
    CHECK(next->seed > found->seed);
}

TEST_CASE("explore gives nothing where nothing fails, and takes an exception for a failure") {
    simulation::exploration options;
    options.seeds = 20;
    options.print = false;
    int runs = 0;
    CHECK_FALSE(simulation::explore(
                    [&](runtime&) -> std::optional<std::string> {
                        ++runs;
                        return {};
                    },
                    options)
                    .has_value());
    CHECK(runs == 20);
    options.first_seed = 100;
    const auto thrown = simulation::explore(
        [](runtime& node) -> std::optional<std::string> {
            if (node.options().seed == 103) throw std::runtime_error("broken");
            return {};
        },
        options);
    REQUIRE(thrown.has_value());
    CHECK(thrown->seed == 103);
    CHECK(thrown->what == "broken");
}

TEST_CASE("a scenario in which nothing can happen any more is a deadlock") {
    runtime node(deterministic(1));
    auto r = node.execute([](self me) -> awaitable<int> { co_return co_await me.receive<int>(); });
    REQUIRE_FALSE(r.has_value());
    CHECK(r.error() == atom("deadlock"));
    // The stuck process is gone: it cannot write into what its caller has left.
    CHECK(node.processes().empty());
}

TEST_CASE("step runs one process for one turn") {
    runtime node(deterministic(1));
    CHECK_FALSE(node.step());
    int a = 0;
    node.spawn(
        [](self me, int* n) -> process {
            for (;;) {
                ++*n;
                co_await me.yield();
            }
        },
        &a);
    for (int i = 1; i <= 10; ++i) {
        CHECK(node.step());
        CHECK(a == i);
    }
    CHECK(node.run_until_idle(5) == 5);
    CHECK(a == 15);
}

TEST_CASE("virtual time moves only when told, or when nothing can run") {
    runtime node(deterministic(1));
    int fired = 0;
    node.spawn(
        [](self me, int* n) -> process {
            for (;;) {
                co_await me.sleep_for(1h);
                ++*n;
            }
        },
        &fired);
    node.run_until_idle();
    CHECK(node.now() == 0ns);
    node.advance(59min);
    CHECK(fired == 0);
    CHECK(node.now() == 59min);
    node.advance(2min);
    CHECK(fired == 1);
    node.advance(100h);
    CHECK(fired == 101);
    CHECK(node.run_until([&] { return fired == 110; }));
    CHECK_FALSE(node.run_until([&] { return fired == 200; }, 10h));
    CHECK(fired < 125);
}

TEST_CASE("stepping a node that is not deterministic is a logic_error") {
    runtime node;
    CHECK_THROWS_AS(node.step(), std::logic_error);
    CHECK_THROWS_AS(node.advance(1ms), std::logic_error);
    CHECK_THROWS_AS(node.run_until_idle(), std::logic_error);
}

TEST_CASE("several nodes live side by side") {
    runtime a(deterministic(1)), b(deterministic(2)), c;
    for (runtime* node : {&a, &b, &c})
        run_in(
            *node,
            [](self me, runtime* mine) -> awaitable<void> {
                CHECK(&me.node() == mine);
                register_name(atom("same_name"), me.id());
                const pid p = spawn(idle);
                const bool alive = co_await is_alive(p);
                CHECK(alive);
            },
            node);
}
