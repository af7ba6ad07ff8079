// Durations as people type and read them: 250us 20ms 1.5s 2m 1h 3d, composed 1m30s.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam {

/// Reads a duration: parts of a number and one of us, ms, s, m, h, d, each unit smaller than the one
/// before; the last number may have a fraction, rounded up to a nanosecond. A bare number is an
/// error, except 0. No sign, no spaces.
///
/// Errors: `empty`, `bad_number`, `missing_unit`, `unknown_unit`, `unit_order`, `out_of_range`.
[[nodiscard]] BEAM_EXPORT result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The largest unit of which there is at least one, rounded up, so that a printed wait is never too
/// short: 11.2 s is 12s, 61 s is 2m, 59.5 s is 1m, nothing is 0s. What is negative has a minus and is
/// rounded away from zero.
[[nodiscard]] BEAM_EXPORT std::string print_duration(std::chrono::nanoseconds duration);

/// The same duration in full, as parse_duration reads it back: 1m30s, 1h0.25s is 1h250ms. Below a
/// microsecond it is a fraction of one: 1.5us.
[[nodiscard]] BEAM_EXPORT std::string print_duration_exact(std::chrono::nanoseconds duration);

}  // namespace beam
