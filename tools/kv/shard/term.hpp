// What a store holds while it is the primary of its shard.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/peer.hpp"

namespace kv {

/// To bring learners up: of the node, for one shard at a time.
enum class move_permit : std::uint8_t { none, asked, given };

/// Being primary, from the first epoch of it over those that it made itself.
struct term {
    std::uint64_t first_epoch = 0;
    std::uint64_t first_seq = 0;  // of the entry that begins it
    std::chrono::nanoseconds began{};
    std::chrono::nanoseconds open_at{};  // what was granted to the last primary has ended
    bool is_open = false;                // may commit
    bool is_serving = false;
    bool is_ahead = false;  // its state has more than its log: nobody else's log leads to it
    std::map<store_id, peer> peers;
    std::optional<store_id> joining, moving_to;
    std::set<store_id> erasing;  // were told in this epoch that they may erase their copies
    bool is_saving = false;      // the record under which it acts, with this step's batch
    std::uint64_t saved_by = 0;  // the ticket of that
    move_permit permit = move_permit::none;
    std::chrono::nanoseconds
        permit_at{};  // when it was asked for; or, given, when a learner got on
    std::uint64_t beacon_number = 0;
    std::chrono::nanoseconds beacon_at{};
    std::uint64_t age_base_ms = 0;
};

}  // namespace kv
