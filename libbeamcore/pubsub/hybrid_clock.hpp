// hybrid_clock: time stamps that follow the wall clock and never go back, also across nodes.
//
// A stamp is one number: milliseconds since 1970 above, a counter in the lowest 16 bits. What a node stamps
// after it has seen another's stamp is greater than that one, whatever the two wall clocks say (hybrid
// logical clocks, Kulkarni and others 2014).
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace beam::tracker {

class hybrid_clock {
public:
    /// A new stamp, greater than all that were made or observed here.
    std::uint64_t tick(std::int64_t wall_ms) {
        last_ = std::max(last_ + 1, stamp_of(wall_ms));
        return last_;
    }

    /// Takes another node's stamp in. One that is more than `ahead_max` before this node's wall clock is not
    /// believed: false, and nothing changes.
    bool observe(std::uint64_t stamp, std::int64_t wall_ms, std::chrono::milliseconds ahead_max) {
        if (stamp > stamp_of(wall_ms + ahead_max.count())) return false;
        last_ = std::max(last_, stamp);
        return true;
    }

    [[nodiscard]] static constexpr std::uint64_t stamp_of(std::int64_t wall_ms) {
        return wall_ms > 0 ? std::uint64_t(wall_ms) << 16U : 0;
    }
    [[nodiscard]] static constexpr std::int64_t milliseconds_of(std::uint64_t stamp) {
        return std::int64_t(stamp >> 16U);
    }

private:
    std::uint64_t last_ = 0;
};

}  // namespace beam::tracker
