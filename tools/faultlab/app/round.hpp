// A round: one fault, what was seen to follow it, and whether that is what was promised.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/term/term.hpp"
#include "tools/faultlab/app/promise.hpp"

namespace faultlab {

/// One child, as it was before the fault and is after it.
struct observed_child {
    std::string name;
    std::optional<beam::pid> before, after;
    bool answers = true;     ///< it was asked afterwards, if it is there
    bool kept_state = true;  ///< the same process knew what it had done before

    [[nodiscard]] fate seen() const {
        if (!after) return fate::gone;
        return before == after ? fate::same : fate::restarted;
    }
};

struct round {
    std::size_t number = 0;  ///< from 1
    std::chrono::milliseconds at{};
    fault what = fault::crash;
    std::size_t victim = 0;
    bool had_victim = true;  ///< false: it was gone already, and nothing was done
    std::chrono::milliseconds hold{}, within{};

    std::chrono::nanoseconds begun{},
        ended_at{};  ///< of the node's clock: the fault, and all this seen
    std::vector<observed_child> children;
    bool ended = false;        ///< the victim's process did
    std::string reason;        ///< of its end
    bool came_to_rest = true;  ///< the tree did, within the time
    bool gave_up = false;      ///< the supervisor under test did
    bool tree_gone = false;    ///< and so did its parent
    giving_up should_give_up = giving_up::no;
    std::optional<std::chrono::microseconds> recovery;  ///< until the victim's successor answered
    std::optional<std::chrono::microseconds> answered_after;  ///< of a lasting fault
    std::optional<std::chrono::microseconds> others_answered_after;
    std::uint64_t lost_messages = 0;
    std::uint64_t lost_state = 0;

    std::vector<std::string> broken;  ///< by judge(): what was not as promised
};

/// Compares with the promise.
void judge(round& r, const tree_rules& rules, bool has_programs);

/// The event `fault`.
[[nodiscard]] beam::term shown(const round& r, const tree_rules& rules);

/// The value below which a share of them lies (nearest rank); nothing for none. Sorts.
[[nodiscard]] std::optional<std::chrono::microseconds> percentile(
    std::vector<std::chrono::microseconds>& times, double share);

}  // namespace faultlab
