// Supervisors: restart after a kill, starting and stopping many children.
#include <memory>

#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/atoms.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/counter.hpp"
#include "tests/bench/beam/histogram.hpp"

namespace {

using bench::counter;
using bench::up;

struct child_times {
    double start, stop;
};

beam::pid pid_of(beam::start_result r) {
    auto p = beam::started_pid(std::move(r));
    bench::expect(p.has_value(), "a process did not start");
    return *p;
}

/// Has the supervisor stop its children and end, and waits until it has.
beam::awaitable<void> stop_supervisor(beam::self me, beam::pid supervisor) {
    beam::unlink(supervisor);
    beam::ref monitor = beam::monitor(supervisor);
    beam::exit(supervisor, beam::atoms::shutdown);
    co_await me.receive_if<beam::down_message>(
        [monitor](const beam::down_message& d) { return d.monitor == monitor; });
}

/// From exit(child, kill) to the answer of the new child, which makes itself known. A new supervisor
/// every 50 restarts, as in the peer, whose supervisor looks through all those of the last second.
beam::awaitable<void> restart(beam::self me, int rounds, bench::histogram* h) {
    beam::supervisor_flags flags;
    flags.intensity = 1'000'000;
    flags.period = std::chrono::seconds(1);
    for (int round = -10; round < rounds; ++round) {  // the first ten warm up
        auto children = beam::supervisor::children(
            beam::child_spec(beam::atom("child"), beam::child<counter>(me.id())));
        auto started = co_await beam::supervisor::start_link(flags, children);
        beam::pid supervisor = pid_of(started);
        up child = co_await me.receive<up>();
        for (int i = 0; i < 50; ++i) {
            auto start = bench::now_ns();
            beam::exit(child.server, beam::atoms::kill);
            child = co_await me.receive<up>();
            (void)co_await counter::get(child.server);
            if (round >= 0) h->record(bench::now_ns() - start);
        }
        co_await stop_supervisor(me, supervisor);
    }
}

/// Children under a dynamic supervisor, then its ordered shutdown.
beam::awaitable<child_times> children(beam::self me, int n) {
    auto started = co_await beam::dynamic_supervisor::start_link();
    beam::pid supervisor = pid_of(started);
    beam::child_spec spec(beam::atom("child"), beam::child<counter>());
    auto start = bench::now_ns();
    for (int i = 0; i < n; ++i) {
        auto child = co_await beam::dynamic_supervisor::start_child(supervisor, spec);
        bench::expect(child.has_value(), "a child did not start");
    }
    auto up_ns = bench::now_ns() - start;
    auto count = co_await beam::dynamic_supervisor::count_children(supervisor);
    bench::expect(count.active == static_cast<std::uint64_t>(n), "children are missing");
    start = bench::now_ns();
    co_await stop_supervisor(me, supervisor);
    auto down_ns = bench::now_ns() - start;
    co_return child_times{double(up_ns) / n, double(down_ns) / n};
}

}  // namespace

BENCH(restart) {
    beam::runtime node;
    auto h = std::make_unique<bench::histogram>();
    auto done = node.execute(restart, run.pick(400, 100, 1), h.get());
    bench::expect(done.has_value(), "the measuring process exited");
    run.figure("restart_p50", h->percentile_us(50), "us");
    run.figure("restart_p99", h->percentile_us(99), "us");
}

BENCH(children) {
    beam::runtime node;
    auto each = bench::in_process(node, children, run.pick(100'000, 20'000, 100));
    run.figure("start_child", each.start, "ns");
    run.figure("stop_children", each.stop, "ns");
}
