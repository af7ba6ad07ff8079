// How often the runtime may die, and how soon the next one starts.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>

namespace beam {

/// Counts the abnormal deaths within a period, as a supervisor does. The next runtime starts at once, but
/// after a pause that doubles each time when it died young and not for the first time: of something that may
/// still be there.
class restart_pace {
public:
    using clock = std::chrono::steady_clock;

    restart_pace(int intensity, std::chrono::milliseconds period)
        : intensity_(static_cast<std::size_t>(intensity)), period_(period) {}

    struct verdict {
        bool give_up;        ///< more deaths than the intensity
        std::size_t deaths;  ///< within the period
        std::chrono::milliseconds pause;
    };

    /// A runtime that was started at `started` has died.
    [[nodiscard]] verdict died(clock::time_point now, clock::time_point started);

private:
    std::size_t intensity_;
    std::chrono::milliseconds period_;
    std::deque<clock::time_point> deaths_;
};

}  // namespace beam
