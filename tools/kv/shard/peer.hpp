// What a primary knows of one other store of its shard.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/messages.hpp"

namespace kv {

/// A snapshot on its way to a learner, a piece at a time.
struct transfer {
    std::uint64_t number = 0;
    log_point at;
    dedup_table requests;  // as of `at`
    std::uint64_t index = 0;
    std::optional<std::string> last_key;
    std::optional<snapshot_piece> sent;  // none: the piece is being read
    std::chrono::nanoseconds resend_at{};
};

struct peer {
    bool is_known = false;     // its log was compared in this term
    std::uint64_t common = 0;  // what it said it has of this log, durable or not
    std::uint64_t next = 0;    // the first entry that was not sent
    std::uint64_t acked = 0;   // durable there, and the same as here
    std::chrono::nanoseconds resend_at{};
    std::chrono::nanoseconds rewound_at{};

    std::deque<std::pair<std::uint64_t, std::chrono::nanoseconds>> beacons;  // number, sent
    std::chrono::nanoseconds heard{};  // receipt of its last ack of a beacon, or the term's begin
    std::optional<std::chrono::nanoseconds> granted;  // when the newest acked beacon was sent
    std::uint64_t echo_life = 0;
    std::chrono::nanoseconds echo{};
    std::optional<std::chrono::nanoseconds> retired;  // since when its reads are let end
    std::optional<transfer> filling;

    /// Sends again what was not acked.
    void rewind() { next = there() + 1; }
    [[nodiscard]] std::uint64_t there() const { return std::max(acked, common); }
};

}  // namespace kv
