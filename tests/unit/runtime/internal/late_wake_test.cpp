#include <doctest/doctest.h>

#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "tests/support/simulated.hpp"

using namespace beam;
using namespace test;
using namespace std::chrono_literals;

namespace {

process waits(self me, int* time_outs) {
    for (;;) {
        auto n = co_await me.receive_for<int>(1ms);
        if (!n) ++*time_outs;
    }
}

/// Puts the wake of a timer that is long gone behind that of the one which `other` waits for: what a
/// scheduler does that was interrupted between taking the old timer and sending its signal.
process disturbs(self me, pid other, int* disturbed) {
    using detail::process_block;
    for (;;) {
        co_await me.sleep_for(1ms);
        process_block* pb = me.node().impl().processes.find(other.id);
        if ((pb->inbox.load() & process_block::pointer_mask) == process_block::waiting) continue;
        auto* s = detail::make_signal<detail::wake_signal>(detail::signal_kind::wake);
        s->timer = 1;
        REQUIRE(detail::push_signal(pb, other.serial, s) == detail::push_result::queued);
        ++*disturbed;
    }
}

}  // namespace

TEST_CASE("a late wake of an old timer does not hide the new one's") {
    for (std::uint64_t seed = 1; seed <= seed_count(); ++seed) {
        CAPTURE(seed);
        runtime node(deterministic(seed));
        int time_outs = 0, disturbed = 0;
        const pid p = node.spawn(waits, &time_outs);
        node.spawn(disturbs, p, &disturbed);
        CHECK(node.run_until([&] { return time_outs == 100; }, 1s));
        CHECK(disturbed > 10);
    }
}
