// CLOCK_MONOTONIC by the processor's time stamp counter: 15 ns a look instead of 37 (both as measured in a
// virtual machine), for what sets and cancels timers by the million.
//
// Each thread notes the counter and the clock together at least once a millisecond, more often while the rate
// is fresh, and counts on from there. Used only
// where the kernel itself trusts the counter (its clock source is `tsc`); elsewhere this is the plain clock.
#pragma once

#include <cstdint>

namespace beam::detail::quick_clock {

/// It may differ from the plain clock by so much.
inline constexpr std::int64_t error_ns = 2000;

/// Nanoseconds on CLOCK_MONOTONIC.
std::int64_t now();

}  // namespace beam::detail::quick_clock
