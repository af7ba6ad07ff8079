// Agents: one get after the other.
#include "libbeamcore/otp/agent.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

beam::awaitable<double> agent_get(beam::self, int n) {
    auto agent = beam::agent::start_link([] { return 42; });
    bench::expect(agent.has_value(), "the agent did not start");
    std::int64_t start = 0;
    for (int i = -10'000; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        int got = co_await beam::agent::get<int>(*agent, [](int value) { return value; });
        bench::expect(got == 42, "the agent has another value");
    }
    co_return double(bench::now_ns() - start) / n;
}

}  // namespace

BENCH(agent_get) {
    beam::runtime node;
    int n = run.pick(1'000'000, 300'000, 1000);
    run.figure("agent_get", bench::in_process(node, agent_get, n), "ns");
}
