// What the stores of a shard tell each other. Each message carries the epoch it belongs to; those of one tick to one
// node may travel as one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tools/kv/shard/dedup_table.hpp"
#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/ids.hpp"

namespace kv {

/// Primary to replica: entries that follow `before`. None: only tells what is committed.
struct prepare {
    std::uint64_t epoch = 0;
    log_point before;
    std::uint64_t commit_seq = 0;
    std::vector<entry> entries;

    friend bool operator==(const prepare&, const prepare&) = default;
};

/// Replica to primary: it holds the primary's log up to `durable_seq` on its disk.
struct ack {
    std::uint64_t epoch = 0, durable_seq = 0;
    bool wants_commit = false;  ///< to be told what is committed: a read waits for it

    friend bool operator==(const ack&, const ack&) = default;
};

/// Primary to replica: what is in your log?
struct query {
    std::uint64_t epoch = 0;

    friend bool operator==(const query&, const query&) = default;
};

/// The beginning of a snapshot that a learner has, from a primary whose term has ended since.
struct part_snapshot {
    log_point at, reflects;
    std::string last_key;

    friend bool operator==(const part_snapshot&, const part_snapshot&) = default;
};

/// The answer, and what a replica says to entries that do not follow its own. `runs` has the last point of each epoch
/// in the log, which begins after `base`.
struct log_ends {
    std::uint64_t epoch = 0;
    log_point base;
    std::vector<log_point> runs;
    std::uint64_t applied_seq = 0;
    log_point reflects;  ///< the state may have what came up to this, beyond `applied_seq`; 0: no
    std::optional<part_snapshot> part;

    friend bool operator==(const log_ends&, const log_ends&) = default;
};

/// There is a later epoch than that of the message this answers.
struct stale {
    std::uint64_t epoch = 0;

    friend bool operator==(const stale&, const stale&) = default;
};

/// Primary to each store that holds the shard or shall hold it.
struct beacon {
    std::uint64_t epoch = 0, number = 0;
    /// When the receiver sent the last ack that came here: its own life and clock. Life 0: none came.
    std::uint64_t echo_life = 0;
    std::chrono::nanoseconds echo{};
    std::uint64_t commit_seq = 0;
    bool is_member = false;  ///< the receiver is in the in-sync set
    /// The primary may serve reads as it sends this, and so may a member whose ack is echoed.
    bool is_serving = false;

    friend bool operator==(const beacon&, const beacon&) = default;
};

/// The receiver accepts this primary and will not take its place for the grace period from now on.
struct beacon_ack {
    std::uint64_t epoch = 0, number = 0, life = 0;
    std::chrono::nanoseconds time{};

    friend bool operator==(const beacon_ack&, const beacon_ack&) = default;
};

/// A part of a snapshot. Pieces are read one after the other while the shard goes on: what changed meanwhile is in
/// the log after `at`, and applying that again does no harm. Transfers' numbers grow, over all primaries.
struct snapshot_piece {
    std::uint64_t epoch = 0, transfer = 0, index = 0;
    log_point at;
    log_point reflects;                ///< what the sender had applied as it read this
    std::optional<std::string> after;  ///< the first one of a snapshot that goes on after this key
    std::vector<std::pair<std::string, value>> items;
    dedup_table requests;  ///< as of `at`, with the first piece of all
    bool is_last = false;
    /// The receiver's state is not a part of this history: all of it is to be replaced.
    bool is_refill = false;

    friend bool operator==(const snapshot_piece&, const snapshot_piece&) = default;
};

/// The bytes of its keys and values.
[[nodiscard]] inline std::size_t size_of(const snapshot_piece& piece) {
    std::size_t all = 0;
    for (const auto& [key, v] : piece.items) all += key.size() + v.bytes.size();
    return all;
}

/// `index` is the piece that is wanted next.
struct snapshot_ack {
    std::uint64_t epoch = 0, transfer = 0, index = 0;

    friend bool operator==(const snapshot_ack&, const snapshot_ack&) = default;
};

/// Store to primary: neither the record nor the plan names it, and it would erase its copy.
struct erase_wish {
    std::uint64_t epoch = 0;

    friend bool operator==(const erase_wish&, const erase_wish&) = default;
};

/// The answer: no change of the record that was asked for, or is in this epoch, names the receiver.
struct may_erase {
    std::uint64_t epoch = 0;

    friend bool operator==(const may_erase&, const may_erase&) = default;
};

using message = std::variant<prepare, ack, query, log_ends, stale, beacon, beacon_ack,
                             snapshot_piece, snapshot_ack, erase_wish, may_erase>;

[[nodiscard]] inline std::uint64_t epoch_of(const message& m) {
    return std::visit([](const auto& x) { return x.epoch; }, m);
}

}  // namespace kv
