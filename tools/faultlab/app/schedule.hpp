// A schedule: when faults are injected, and into whom, drawn from a seed.
//
// It is made before the first fault and from these values alone, so the same seed gives the same one, on
// every machine and in every version.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "libbeamcore/base/rate.hpp"
#include "libbeamcore/base/result.hpp"

namespace faultlab {

struct schedule_request {
    std::uint64_t seed = 0;
    std::optional<std::uint64_t> count{};               ///< faults, or chances of one (see percent)
    std::optional<std::chrono::milliseconds> during{};  ///< all of them within this time
    std::optional<beam::rate> rate{};  ///< so many in a time, at irregular intervals
    /// The probability that a chance is taken. Chances come one after another, `count` of them; or, with
    /// `during`, ten a second, and `count` is how many are taken at most.
    std::optional<double> percent{};
};

/// One fault. `draw` chooses the victim: `draw % number of those there are`.
struct planned_fault {
    std::chrono::milliseconds
        at{};  ///< from the start; 0 or in the past: when the one before is over
    std::uint64_t draw = 0;

    friend bool operator==(const planned_fault&, const planned_fault&) = default;
};

/// Whether a request draws victims or times at all: with nothing said there is one fault, at once.
[[nodiscard]] bool is_drawn(const schedule_request& request);

/// In the order of time. Errors: `too_many` (more than words.hpp's faults_max).
[[nodiscard]] beam::result<std::vector<planned_fault>> make_schedule(
    const schedule_request& request);

}  // namespace faultlab
