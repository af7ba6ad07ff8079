// For the io layer: news from outside that schedulers fetch by themselves when they have nothing to run, and wait for
// where they would sleep. Who is woken by them runs at once, in the same thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"

namespace beam::detail {

/// Called outside of any process, by several threads at once.
class idle_source {
public:
    idle_source(const idle_source&) = delete;
    idle_source& operator=(const idle_source&) = delete;

    /// Nothing is runnable here. Wakes whom news is for, without waiting; true: there was some.
    virtual bool look(const void* scheduler) noexcept = 0;
    /// The same scheduler would sleep. Waits until there may be news, for interrupt(), and for so many nanoseconds at
    /// most; not at all if `woken` is not 0, which whoever interrupts sets before. False, at once: another looks after
    /// the news, so sleep elsewhere.
    virtual bool wait(const void* scheduler, const std::atomic<std::uint32_t>& woken,
                      std::optional<std::int64_t> at_most) noexcept = 0;
    /// A process has used up its turn, or some have run since there was nothing to run: what was put off until then is
    /// done now.
    virtual void hurry() noexcept = 0;
    /// It will neither look nor wait for now. True: it was the one who did; what had come is told, and any that sleeps
    /// should be woken, to take over.
    virtual bool leave(const void* scheduler) noexcept = 0;
    /// Whoever waits, or is about to, comes back.
    virtual void interrupt() noexcept = 0;
    /// From time to time while schedulers are busy, always by the same thread. False: none of them has looked since the
    /// last time; this has done so instead, and any that sleeps should be woken, to take over.
    virtual bool is_attended() noexcept = 0;

protected:
    idle_source() = default;
    ~idle_source() = default;
};

/// Once a runtime, one that has schedulers. It must live as long as they do: as a runtime_local() does.
BEAM_EXPORT void set_idle_source(runtime& node, idle_source* source);

}  // namespace beam::detail
