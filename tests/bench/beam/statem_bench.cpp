// gen_statem: calls.
#include "libbeamcore/otp/gen_statem.hpp"
#include "tests/bench/beam/bench.hpp"

namespace {

class machine : public beam::gen_statem<machine> {
    struct get_count {
        using reply = int;
    };

public:
    static beam::future<int> get(beam::pid p) { return beam::statem_call<get_count>(p); }

    struct ready {};
    struct busy {};
    using states = beam::states<ready, busy>;
    using calls = beam::messages<get_count>;
    int handle_call(const ready&, const get_count&) { return count_; }
    int handle_call(const busy&, const get_count&) { return -1; }

private:
    int count_ = 0;
};

beam::awaitable<double> call(beam::self, int n) {
    auto p = beam::start_link<machine>();
    bench::expect(p.has_value(), "the machine did not start");
    std::int64_t start = 0;
    for (int i = -10000; i < n; ++i) {
        if (i == 0) start = bench::now_ns();
        (void)co_await machine::get(*p);
    }
    co_return double(bench::now_ns() - start) / n;
}

}  // namespace

BENCH(statem_call) {
    beam::runtime node;
    int n = run.pick(1'000'000, 300'000, 1000);
    run.figure("statem_call", bench::in_process(node, call, n), "ns");
}
