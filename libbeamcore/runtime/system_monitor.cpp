#include "libbeamcore/runtime/system_monitor.hpp"

#include "libbeamcore/base/symbol.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::system_event);

namespace beam {

namespace detail {

namespace {
constexpr std::int64_t event_interval_ns = 1'000'000'000;
constexpr std::size_t reported_max = 10'000;
constexpr std::size_t frames_shown = 16;

// What lies below a process's own code is the same for all.
std::vector<std::string> name_frames(const std::vector<const void*>& stack) {
    std::vector<std::string> names;
    for (const void* at : stack) {
        // A return address may be that of the next function.
        std::string name = symbol_of(static_cast<const char*>(at) - (names.empty() ? 0 : 1));
        if (name.starts_with("beam::detail::worker::") || names.size() == frames_shown) break;
        names.push_back(std::move(name));
    }
    return names;
}
}  // namespace

void runtime_impl::report(system_event event, const std::vector<const void*>& stack) {
    pid to;
    {
        std::lock_guard lock(events.mutex);
        if (!events.active.load(std::memory_order_relaxed)) return;
        if (event.what == system_event::kind::hog && !events.hog) return;
        const std::int64_t at = now();
        if (events.reported.size() > reported_max) events.reported.clear();
        auto [it, first] = events.reported.try_emplace({event.pid, int(event.what)});
        if (!first && at - it->second.at < event_interval_ns) {
            ++it->second.suppressed;
            return;
        }
        event.suppressed = std::exchange(it->second.suppressed, 0);
        it->second.at = at;
        to = events.receiver;
    }
    event.stack = name_frames(stack);
    signal* s = message::make(std::move(event)).release();
    if (deliver(to, s)) return;
    destroy_message(s);
    events.active.store(false, std::memory_order_release);  // the receiver is dead
    events.long_message_queue.store(0, std::memory_order_relaxed);
    events.long_schedule_ns.store(0, std::memory_order_relaxed);
}

}  // namespace detail

void system_monitor(pid receiver, const system_monitor_options& options) {
    detail::event_watch& events = detail::current()->node->events;
    std::lock_guard lock(events.mutex);
    events.receiver = receiver;
    events.reported.clear();
    events.hog = options.hog;
    const bool on = bool(receiver);
    events.long_message_queue.store(on ? options.long_message_queue : 0, std::memory_order_relaxed);
    events.long_schedule_ns.store(on ? std::chrono::nanoseconds(options.long_schedule).count() : 0,
                                  std::memory_order_relaxed);
    events.active.store(on, std::memory_order_release);
}

}  // namespace beam
