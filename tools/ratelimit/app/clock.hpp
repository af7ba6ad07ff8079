// The clocks that the application goes by.
#pragma once

#include <chrono>
#include <cstdint>

#include "libbeamcore/runtime/timer.hpp"

namespace ratelimit {

/// The node's monotonic clock, in nanoseconds: all counting and waiting. Setting the wall clock changes nothing.
[[nodiscard]] inline std::int64_t clock_now() {
    return beam::monotonic_time().count();
}

/// Unix time in milliseconds: for people, and for what outlives the node.
[[nodiscard]] inline std::int64_t wall_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

}  // namespace ratelimit
