// Monitors and links when processes die.
#include <vector>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/term/atoms.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

struct ready {};
struct linked {};
struct stop {};

beam::process waiting(beam::self me, beam::pid main) {
    beam::send(main, ready{});
    co_await me.receive<stop>();
}

/// N processes that have all run and wait.
beam::awaitable<std::vector<beam::pid>> idle(beam::self me, int n) {
    std::vector<beam::pid> all;
    for (int i = 0; i < n; ++i) {
        all.push_back(beam::spawn(waiting, me.id()));
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    for (int i = 0; i < n; ++i) co_await me.receive<ready>();
    co_return all;
}

/// Monitor a waiting process, kill it, receive its DOWN; one after the other.
beam::awaitable<double> monitor_down(beam::self me, int batch, int rounds) {
    std::int64_t total = 0;
    for (int round = -1; round < rounds; ++round) {  // the first one warms up
        auto victims = co_await idle(me, batch);
        auto start = bench::now_ns();
        for (beam::pid victim : victims) {
            beam::ref monitor = beam::monitor(victim);
            beam::exit(victim, beam::atoms::kill);
            auto down = co_await me.receive_if<beam::down_message>(
                [monitor](const beam::down_message& d) { return d.monitor == monitor; });
            bench::expect(down->reason == beam::atoms::killed, "killed, but not by the kill");
        }
        if (round >= 0) total += bench::now_ns() - start;
    }
    co_return double(total) / (double(batch) * rounds);
}

beam::process hub(beam::self me, beam::pid main, std::vector<beam::pid> others) {
    for (beam::pid p : others) {
        beam::link(p);
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    beam::send(main, linked{});
    co_await me.receive<stop>();
}

/// A hub linked to n processes is killed; over when the DOWN of each has come.
beam::awaitable<double> hub_death(beam::self me, int n) {
    auto others = co_await idle(me, n);
    beam::pid center = beam::spawn(hub, me.id(), others);
    co_await me.receive<linked>();
    for (beam::pid p : others) {
        (void)beam::monitor(p);
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    auto start = bench::now_ns();
    beam::exit(center, beam::atoms::kill);
    for (int i = 0; i < n; ++i) co_await me.receive<beam::down_message>();
    co_return double(bench::now_ns() - start) / 1e6;
}

}  // namespace

BENCH(monitor_down) {
    beam::runtime node;
    double ns =
        bench::in_process(node, monitor_down, run.pick(10000, 10000, 100), run.pick(20, 5, 1));
    run.figure("monitor_down", ns, "ns");
}

BENCH(hub_death) {
    beam::runtime node;
    int n = run.pick(100'000, 20'000, 100);
    // A smaller hub is reported as if it had 100 000 links.
    run.figure("hub_death", bench::in_process(node, hub_death, n) * (1e5 / n), "ms");
}
