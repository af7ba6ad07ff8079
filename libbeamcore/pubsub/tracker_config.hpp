// The tracker's periods and limits.
#pragma once

#include <chrono>
#include <cstddef>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::tracker {

/// Periods and limits, the same on all nodes. The defaults are made for some tens of nodes in one network.
struct config {
    /// How often a node says that it is there, and which version of its entries is the newest. Each beat comes
    /// up to a quarter earlier, by chance, so that nodes do not beat together.
    std::chrono::milliseconds heartbeat{1000};
    std::chrono::milliseconds gather{10};  ///< how long a change waits for others to go with it
    /// A node not heard for so long is down: its entries are hidden. At least two heartbeats.
    std::chrono::milliseconds down_after{5000};
    /// A node down for so long is forgotten. Longer than down_after.
    std::chrono::milliseconds permdown_after{std::chrono::minutes{20}};
    /// A lost connection hides a node after this; one that is back before is not noticed.
    std::chrono::milliseconds flap_grace{1000};
    std::chrono::milliseconds clock_ahead_max{60000};  ///< a clock further ahead is not believed

    std::size_t changes_kept = 10'000;  ///< for those who missed some; else they get all entries
    std::size_t message_bytes = 64 * 1024;  ///< about the size of the largest message between nodes
    std::size_t chunks_in_flight = 8;  ///< parts of all entries that one node has yet to confirm

    std::size_t text_bytes_max = 255;   ///< topic, key and session
    std::size_t meta_bytes_max = 4096;  ///< of a meta, about as it would be encoded
    std::size_t sessions_max = 100;     ///< of one key in one topic, on all nodes
    std::size_t entries_max = 500'000;  ///< of this node's own, in one shard
};

/// Says whether these go together.
///
/// Errors: `not_positive` (a period or a limit), `down_after_too_short` (less than two heartbeats),
/// `permdown_after_too_short` (not longer than down_after). TRK-10.
[[nodiscard]] BEAM_EXPORT result<void> check(const config& c);

}  // namespace beam::tracker
