#include "tools/faultlab/app/hold.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds held_at_once = 45ms, let_run_for = 5ms;

beam::process hold(beam::self me, beam::pid owner, beam::pid victim, std::chrono::milliseconds time,
                   bool slow) {
    const beam::ref watch = beam::monitor(owner);
    const auto is_owner = [watch](const beam::down_message& d) { return d.monitor == watch; };
    const auto until = beam::monotonic_time() + time;
    bool was_held = true, is_wanted = true, is_told = false;
    while (is_wanted) {
        const std::chrono::nanoseconds left = until - beam::monotonic_time();
        if (left <= 0ns) break;
        auto suspending = beam::suspend_process(victim);
        const bool done = co_await suspending;
        was_held = was_held && done;
        if (!done) break;
        if (!std::exchange(is_told, true)) beam::send(owner, held{victim});
        auto down = co_await me.receive_if<beam::down_message>(
            is_owner, slow ? std::min(left, held_at_once) : left);
        auto resuming = beam::resume_process(victim);
        (void)co_await resuming;
        is_wanted = !down;
        if (slow && is_wanted) {
            down = co_await me.receive_if<beam::down_message>(is_owner, let_run_for);
            is_wanted = !down;
        }
    }
    released told;
    told.victim = victim;
    told.was_held = was_held;
    beam::send(owner, std::move(told));
}

}  // namespace

void start_hold(beam::pid victim, std::chrono::milliseconds time, bool slow) {
    (void)beam::spawn(hold, beam::this_process().id(), victim, time, slow);
}

}  // namespace faultlab
