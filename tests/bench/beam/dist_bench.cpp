// Two nodes over loopback: round trips, calls, floods of small and of large messages, and the death of one. The other
// node is this program again.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/other_program.hpp"

namespace {

using namespace beam;
using namespace std::chrono_literals;

constexpr const char* epmd_variable = "BENCH_DIST_EPMD";
constexpr const char* erl_epmd_variable = "BENCH_ERL_EPMD";
constexpr const char* tls_variable = "BENCH_DIST_TLS";  // a folder of certificates; unset: plain

dist::options options_of(const char* name, std::uint16_t epmd_port) {
    dist::options o;
    o.name = name;
    o.cookie = "bench";
    o.epmd_port = epmd_port;
    if (const char* folder = std::getenv(tls_variable)) {
        auto files = dist::tls_files_in(folder);
        bench::expect(files.has_value(), "there are no certificates");
        o.tls = *files;
    }
    return o;
}

atom peer_name() {
    return atom("peer@127.0.0.1");
}
server_ref at_peer(const char* name) {
    return server_ref(atom(name), peer_name());
}

struct get {
    using reply = std::int64_t;
    BEAM_FIELDS(get)
};
struct who {
    using reply = pid;
    BEAM_FIELDS(who)
};

class counter : public gen_server<counter> {
public:
    using calls = messages<get, who>;
    std::int64_t handle_call(get) const { return 0; }
    pid handle_call(who) const { return id(); }
};

// -- the other node -------------------------------------------------------------------------------

process echo(self me) {
    register_name(atom("echo"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        send(*t.elements()[0].as_pid(), t.elements()[1]);
    }
}

// Counts messages until `{Pid, done}`, which it answers.
process sink(self me) {
    register_name(atom("sink"), me.id());
    for (;;) {
        term t = co_await me.receive<term>();
        auto e = t.elements();
        if (e.size() == 2 && e[0].is_pid()) send(*e[0].as_pid(), e[1]);
    }
}

process serve(self me, std::uint16_t epmd_port) {
    (void)spawn(echo);
    (void)spawn(sink);
    auto counting = start_link<counter>(server_options(server_name(atom("counter"))));
    bench::expect(counting.has_value(), "the counter did not start");
    auto starting = dist::start_link(options_of("peer@127.0.0.1", epmd_port));
    auto started = co_await starting;
    bench::expect(started.has_value(), "the peer did not start");
    co_await me.sleep_for(infinity{});
}

// -- what is measured -----------------------------------------------------------------------------

awaitable<double> ping_pong(self me, int n) {
    std::int64_t start = 0;
    for (int i = -n / 10; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        send(at_peer("echo"), tuple(me.id(), atom("pong")));
        (void)co_await me.receive<term>();
    }
    co_return double(bench::now_ns() - start) / n;
}

awaitable<double> calls(self, int n) {
    std::int64_t start = 0;
    for (int i = -n / 10; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        auto asked = call<get>(at_peer("counter"));
        (void)co_await asked;
    }
    co_return double(bench::now_ns() - start) / n;
}

awaitable<double> flood(self me, int n, term what) {
    const auto start = bench::now_ns();
    for (int i = 0; i < n; ++i) {
        send(at_peer("sink"), what);
        if (bench::turn_is_over(me)) co_await me.yield();
    }
    send(at_peer("sink"), tuple(me.id(), atom("done")));
    (void)co_await me.receive<term>();
    co_return double(bench::now_ns() - start) / n;
}

// Keeps a few large messages on the way.
process large_sender(self me, pid) {
    const term bytes = std::string(1 << 20, 'x');
    int open = 0;
    for (;;) {
        send(at_peer("sink"), tuple(me.id(), bytes));
        if (++open < 4) continue;
        (void)co_await me.receive<term>();
        --open;
    }
}

awaitable<double> small_beside_large(self me, int n) {
    const pid large = spawn(large_sender, me.id());
    std::vector<std::int64_t> times;
    for (int i = 0; i < n; ++i) {
        const auto start = bench::now_ns();
        send(at_peer("echo"), tuple(me.id(), atom("pong")));
        (void)co_await me.receive<term>();
        times.push_back(bench::now_ns() - start);
    }
    exit(large, atoms::kill);
    std::sort(times.begin(), times.end());
    co_return double(times[times.size() * 99 / 100]) / 1e6;
}

struct ready {};
struct told {};

process concerned(self me, pid main, pid there) {
    me.trap_exit(true);
    link(there);
    monitor(there);
    send(main, ready{});
    (void)co_await me.receive<exit_message>();
    (void)co_await me.receive<down_message>();
    send(main, told{});
}

awaitable<double> node_death(self me, bench::other_program* peer, int n) {
    send(at_peer("echo"), tuple(me.id(), atom("pong")));
    (void)co_await me.receive<term>();
    auto asked = call<who>(at_peer("counter"));
    const pid there = co_await asked;
    for (int i = 0; i < n; ++i) (void)spawn(concerned, me.id(), there);
    for (int i = 0; i < n; ++i) (void)co_await me.receive<ready>();
    send(at_peer("echo"), tuple(me.id(), atom("pong")));  // all of it has been taken there
    (void)co_await me.receive<term>();
    const auto start = bench::now_ns();
    peer->kill();
    for (int i = 0; i < n; ++i) (void)co_await me.receive<told>();
    co_return double(bench::now_ns() - start) / 1e6;
}

// Whether the peer's processes are there, too.
awaitable<bool> is_ready(atom peer) {
    std::vector<term> arguments;
    arguments.push_back(atom("sink"));
    auto asking = dist::rpc_call(peer, atom("erlang"), atom("whereis"), std::move(arguments));
    outcome<term> found = co_await asking;
    co_return found && found->is_pid();
}

awaitable<void> become_node(self me, std::uint16_t epmd_port) {
    auto starting = dist::start_link(options_of("main@127.0.0.1", epmd_port));
    auto started = co_await starting;
    bench::expect(started.has_value(), "this node did not start");
    for (;;) {
        auto pinging = dist::ping(peer_name());
        const bool answered = co_await pinging;
        if (answered && co_await is_ready(peer_name())) co_return;
        co_await me.sleep_for(10ms);
    }
}

process keep_distributed(self me, std::uint16_t epmd_port, pid tell) {
    auto work = become_node(me, epmd_port);
    co_await work;
    send(tell, ready{});
    co_await me.sleep_for(infinity{});
}

awaitable<bool> connected(self me, std::uint16_t epmd_port) {
    (void)spawn(keep_distributed, epmd_port, me.id());
    (void)co_await me.receive<ready>();
    co_return true;
}

}  // namespace

// Runs until it is killed; nothing without the node that starts it.
BENCH(dist_peer) {
    const char* port = std::getenv(epmd_variable);
    if (!port) return;
    bench::end_with_parent();
    runtime node;
    (void)node.spawn(serve, std::uint16_t(std::atoi(port)));
    for (;;) ::pause();
}

// Its peer is an erl that runs already; nothing without one.
BENCH(dist_erl) {
    const char* port = std::getenv(erl_epmd_variable);
    if (!port) return;
    runtime node;
    bench::in_process(node, connected, std::uint16_t(std::atoi(port)));
    run.figure("dist_erl_ping_pong",
               bench::in_process(node, ping_pong, run.pick(50'000, 10'000, 100)), "ns");
}

BENCH(dist) {
    const std::uint16_t port =
        std::getenv(epmd_variable) ? std::uint16_t(std::atoi(std::getenv(epmd_variable))) : 24369;
    ::setenv(epmd_variable, std::to_string(port).c_str(), 1);
    bench::other_program peer("dist_peer");
    runtime node;
    bench::in_process(node, connected, port);
    run.figure("dist_ping_pong", bench::in_process(node, ping_pong, run.pick(50'000, 10'000, 100)),
               "ns");
    run.figure("dist_call", bench::in_process(node, calls, run.pick(50'000, 10'000, 100)), "ns");
    const term small = tuple(atom("small"), 1, atoms::ok);
    run.figure("dist_small",
               bench::in_process(node, flood, run.pick(2'000'000, 300'000, 1000), small), "ns");
    const term large = std::string(1 << 20, 'x');
    run.figure("dist_1mb", bench::in_process(node, flood, run.pick(1000, 200, 3), large) / 1000,
               "us");
    run.figure("dist_small_beside_large_p99",
               bench::in_process(node, small_beside_large, run.pick(5000, 1000, 20)), "ms");
    run.figure("dist_node_death",
               bench::in_process(node, node_death, &peer, run.pick(50'000, 10'000, 100)), "ms");
}
