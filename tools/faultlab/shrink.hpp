// Of a schedule that fails, a small part that still does: what to look at first.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace faultlab {

/// Places of faults in a schedule, ascending.
using fault_places = std::vector<std::uint64_t>;

struct shrunk {
    fault_places places;       ///< without any one of them it did not fail, unless trials ran out
    std::uint64_t trials = 0;  ///< how often `fails` was asked
};

/// Leaves parts out as long as the rest fails, halves first, then smaller ones (delta debugging). All of `count`
/// faults are known to fail. Asks at most `trials_max` times.
[[nodiscard]] shrunk smallest_failing(std::uint64_t count, std::uint64_t trials_max,
                                      const std::function<bool(const fault_places&)>& fails);

}  // namespace faultlab
