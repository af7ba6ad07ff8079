// Resident memory of a connection to another node. The nodes at the other ends are runtimes of this program again.
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tests/bench/beam/bench.hpp"
#include "tests/bench/beam/other_program.hpp"
#include "tests/bench/beam/resident.hpp"

namespace {

using namespace beam;
using namespace std::chrono_literals;

constexpr const char* epmd_variable = "BENCH_DIST_EPMD";
constexpr const char* count_variable = "BENCH_DIST_CROWD";
// What the first connections cost is not theirs alone.
constexpr int first_ones = 8;

std::uint16_t epmd_port() {
    const char* port = std::getenv(epmd_variable);
    return port ? std::uint16_t(std::atoi(port)) : 24371;
}

std::string name_of(int number) {
    return "crowd" + std::to_string(number) + "@127.0.0.1";
}

process be_node(self me, std::string name, bool visible) {
    dist::options o;
    o.name = std::move(name);
    o.cookie = "bench";
    o.epmd_port = epmd_port();
    // Else they would all connect with each other.
    o.visible = visible;
    auto starting = dist::start_link(o);
    outcome<pid> started = co_await starting;
    bench::expect(started.has_value(), "a node did not start");
    register_name(atom("ready"), me.id());
    co_await me.sleep_for(infinity{});
}

awaitable<void> use(self me, int number) {
    for (;;) {
        auto pinging = dist::ping(atom(name_of(number)));
        const bool answered = co_await pinging;
        if (answered) co_return;
        co_await me.sleep_for(10ms);
    }
}

awaitable<double> connection_bytes(self me, int n) {
    while (!whereis(atom("ready"))) co_await me.sleep_for(1ms);
    for (int i = 0; i < first_ones; ++i) co_await use(me, i);
    const double before = bench::resident_bytes();
    for (int i = first_ones; i < first_ones + n; ++i) co_await use(me, i);
    co_return (bench::resident_bytes() - before) / n;
}

}  // namespace

// Runs until it is killed; nothing without the node that starts it.
BENCH(dist_crowd) {
    const char* count = std::getenv(count_variable);
    if (!count) return;
    bench::end_with_parent();
    std::vector<std::unique_ptr<runtime>> nodes;
    for (int i = 0; i < std::atoi(count); ++i) {
        runtime_options o;
        o.schedulers = 1;
        nodes.push_back(std::make_unique<runtime>(o));
        (void)nodes.back()->spawn(be_node, name_of(i), false);
    }
    for (;;) ::pause();
}

BENCH(dist_connection_bytes) {
    const int n = run.pick(128, 64, 4);
    ::setenv(epmd_variable, std::to_string(epmd_port()).c_str(), 1);
    ::setenv(count_variable, std::to_string(first_ones + n).c_str(), 1);
    runtime node;
    (void)node.spawn(be_node, std::string("main@127.0.0.1"), true);
    bench::other_program crowd("dist_crowd");
    run.figure("dist_connection_bytes", bench::in_process(node, connection_bytes, n), "B");
}
