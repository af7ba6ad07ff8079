// For the io layer: news from outside that schedulers fetch by themselves when they have nothing to run, so that who is
// woken by them runs at once, in the same thread.
#pragma once

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"

namespace beam::detail {

/// Called by schedulers, by several at once, outside of any process. Neither waits.
class idle_source {
public:
    idle_source(const idle_source&) = delete;
    idle_source& operator=(const idle_source&) = delete;

    /// Nothing is runnable here. Wakes whom the next piece of news is for; true: there was one. One at a time, so that
    /// no queue grows in which another scheduler would look for work to take over.
    virtual bool look(const void* scheduler) noexcept = 0;
    /// This one is going to sleep, and will not look again.
    virtual void stop_looking(const void* scheduler) noexcept = 0;

protected:
    idle_source() = default;
    ~idle_source() = default;
};

/// Once a runtime. It must live as long as the runtime has threads: as a runtime_local() does.
BEAM_EXPORT void set_idle_source(runtime& node, idle_source* source);

}  // namespace beam::detail
