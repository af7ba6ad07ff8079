// Rates as people type them, 10/2m or 100/s, and shares, 25%.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam {

/// So many in each period.
struct rate {
    std::uint64_t count = 0;
    std::chrono::nanoseconds period = std::chrono::seconds{1};

    friend bool operator==(const rate&, const rate&) = default;
};

/// Reads COUNT/DURATION, COUNT/UNIT (100/s) or a bare COUNT, which is a second's. Both are at least 1.
///
/// Errors: `empty`, `bad_number`, `out_of_range`, and parse_duration's.
[[nodiscard]] BEAM_EXPORT result<rate> parse_rate(std::string_view text);

/// As parse_rate reads it back: 10/2m, 100/s.
[[nodiscard]] BEAM_EXPORT std::string print_rate(const rate& r);

/// Reads a percentage from 0% to 100%, a fraction allowed, as a number from 0 to 1.
///
/// Errors: `empty`, `bad_number`, `missing_unit`, `out_of_range`.
[[nodiscard]] BEAM_EXPORT result<double> parse_percent(std::string_view text);

}  // namespace beam
