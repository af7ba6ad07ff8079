// What a primary knows of one other store of its shard.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/messages.hpp"

namespace kv {

/// A snapshot on its way to a learner.
struct transfer {
    std::uint64_t number = 0;
    log_point at;
    bool is_refill = false;
    std::optional<dedup_table> requests;  // as of `at`, until the first piece is made
    std::uint64_t next_index = 0;         // of the piece that is read next
    std::optional<std::string> last_key;
    bool is_resumed = false;
    bool is_reading = false, is_read = false;  // a piece; all of it
    std::deque<snapshot_piece> sent;           // what was not acked
    std::size_t sent_bytes = 0;
    bool is_stuck = false;  // the first of them was sent again, and the rest may be lost too
    std::chrono::nanoseconds resend_at{};
};

struct peer {
    bool was_member = false;   // in this term: what it has is of this history
    bool is_known = false;     // its log was compared in this term
    std::uint64_t common = 0;  // what it said it has of this log, durable or not
    std::uint64_t next = 0;    // the first entry that was not sent
    std::uint64_t acked = 0;   // durable there, and the same as here
    std::deque<std::pair<std::uint64_t, std::size_t>> sent;  // last seq and bytes, not acked yet
    std::size_t sent_bytes = 0;
    bool is_reading = false;  // entries from the disk, for it
    std::uint64_t told = 0;   // the last commit_seq that was sent with entries, or because it asked
    std::uint64_t wants_commit = 0;  // to be told of commits up to this at once
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
    void rewind() {
        next = there() + 1;
        sent.clear();
        sent_bytes = 0;
        told = 0;
    }
    void note_sent(const std::vector<entry>& entries) {
        std::size_t bytes = 0;
        for (const entry& e : entries) bytes += size_of(e);
        next += entries.size();
        sent.emplace_back(next - 1, bytes);
        sent_bytes += bytes;
    }
    void note_acked(std::uint64_t seq) {
        acked = seq;
        next = std::max(next, seq + 1);
        while (!sent.empty() && sent.front().first <= seq) {
            sent_bytes -= sent.front().second;
            sent.pop_front();
        }
    }
    [[nodiscard]] std::uint64_t there() const { return std::max(acked, common); }
};

}  // namespace kv
