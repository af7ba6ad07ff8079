// What a supervisor promises when a child has a fault: OTP's rules, as a model apart from the supervisor
// that is watched. Times are the node's monotonic clock's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "libbeamcore/otp/child_spec.hpp"
#include "tools/faultlab/app/words.hpp"

namespace faultlab {

struct tree_rules {
    beam::restart_strategy strategy = beam::restart_strategy::one_for_one;
    beam::restart_type restart = beam::restart_type::permanent;
    int intensity = 1;
    std::chrono::seconds period{5};
};

/// What becomes of a child.
enum class fate : std::uint8_t {
    same,       ///< the process it was, alive
    restarted,  ///< another process in its place
    gone,       ///< none
};
[[nodiscard]] std::string_view name_of(fate f);

/// Whether the supervisor gives up. What is at the very edge of its period, nobody outside can tell.
enum class giving_up : std::uint8_t { no, yes, either };

/// Whether a fault ends the process at all, and whether its end is abnormal.
[[nodiscard]] bool is_deadly(fault f);
[[nodiscard]] bool is_abnormal(fault f);

/// The restarts that the present supervisor has made, each known to lie between two times.
class restart_history {
public:
    void add(std::chrono::nanoseconds after, std::chrono::nanoseconds before) {
        all_.push_back({after, before});
    }
    void clear() { all_.clear(); }

    /// Whether one more restart, made between these times, is more than `intensity` within `period`.
    [[nodiscard]] giving_up one_more(const tree_rules& rules, std::chrono::nanoseconds after,
                                     std::chrono::nanoseconds before) const;

private:
    struct span {
        std::chrono::nanoseconds after, before;
    };
    std::deque<span> all_;
};

/// Whether the supervisor starts a child again after this fault.
[[nodiscard]] bool is_restarted(const tree_rules& rules, fault f);

/// The promise, one fate a child: `present` says who runs before the fault. When the supervisor gives up
/// its parent starts it anew, with all children; without any if they are made from one specification.
[[nodiscard]] std::vector<fate> promised(const tree_rules& rules, fault f, std::size_t victim,
                                         const std::vector<bool>& present, bool gave_up);

}  // namespace faultlab
