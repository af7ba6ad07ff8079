// What a shard wants done. Whoever drives it does so in this order: the storage, then all else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tools/kv/shard/checkpoint.hpp"
#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/messages.hpp"
#include "tools/kv/shard/record.hpp"
#include "tools/kv/shard/request.hpp"

namespace kv {

/// Drops the log's entries from `first` on.
struct cut_log {
    std::uint64_t first = 0;
};
struct append_log {
    entry what;
};
/// Forgets the log's entries up to `last`.
struct drop_log {
    log_point last;
};
/// The changes go to the data, each with the entry's seq as version, and the entry is the last one applied.
struct apply_entry {
    entry what;
};
/// The record under which this store acts as primary, or the one without it by which it erases its copy.
struct save_record {
    shard_record what;
};
/// Data beside the data; the first of a transfer drops what another left.
struct stage_items {
    std::uint64_t transfer = 0;
    bool is_first = false;
    std::vector<std::pair<std::string, value>> items;
};
/// What was staged takes the place of the data; the log is empty and begins after `at`. A checkpoint follows.
struct install_staged {
    std::uint64_t transfer = 0;
    log_point at;
};
/// All data, staged or not, and all of the log, which begins anew with its first entry. A checkpoint follows.
struct erase_copy {};

/// Those of one step are one batch: all or none is there after a crash, and batches in their order. A checkpoint takes
/// the place of the one before.
using storage_change = std::variant<cut_log, append_log, drop_log, apply_entry, save_record,
                                    stage_items, install_staged, erase_copy, checkpoint>;

/// What a start reads from a store's disk.
struct stored_shard {
    log_point base;  ///< the log on disk begins after it
    checkpoint saved;
    std::vector<entry> entries;  ///< those after saved.seq, to the log's end
    std::uint64_t applied_seq = 0;
    shard_record acted;       ///< the last saved record; epoch 0: none
    bool has_staged = false;  ///< items that no snapshot was installed of
};

struct outgoing {
    store_id to;
    message what;
};

/// For the request that came with `origin`.
struct reply {
    std::uint64_t origin = 0;
    answer what;
};

/// Read the key from the state as it is now, and tell it with looked_up(); or, if there is a range, the page with
/// scanned(): what has expired by `wall_ms` goes beside, and the page ends with `expired_max` of that.
struct look_up {
    static constexpr std::size_t expired_max = 256;

    std::uint64_t ticket = 0;
    std::string key;
    std::optional<scan_range> range = {};
    std::int64_t wall_ms = 0;
};

/// Read some items after that key from the state, and tell them with piece_read(). More than `bytes` of keys and values
/// only if it is one item.
struct piece_wanted {
    store_id to;
    std::uint64_t transfer = 0;
    std::optional<std::string> after;
    std::size_t bytes = 0;
};

/// Read entries from the log on disk, from `first` on, and tell them with entries_read(). At least one, if it is there;
/// not more than `bytes` of them (size_of()) otherwise. Nothing: they have been dropped.
struct entries_wanted {
    store_id to;
    std::uint64_t first = 0;
    std::size_t count = 0, bytes = 0;
};

/// Change the record, if its rev is `expected_rev`. Tell record_changed() either way what it is now, as soon as that is known.
struct record_change {
    shard_record target;
    std::uint64_t expected_rev = 0;
};

/// The node's permit to bring this shard's learners up is asked for, to be told by may_move() with that number; or it is
/// given back, had or not. Asked for twice it is the same.
struct move_wish {
    std::uint64_t number = 0;
    bool is_wanted = false;
};

struct outputs {
    std::vector<storage_change> storage;
    std::uint64_t sync =
        0;  ///< tell synced() with this when the batch is on disk; 0: nothing was stored
    std::vector<outgoing> messages;
    std::vector<reply> replies;
    std::vector<look_up> look_ups;
    std::vector<piece_wanted> pieces;
    std::vector<entries_wanted> entries;
    std::vector<record_change> record_changes;
    std::vector<move_wish> moves;
    bool read_record = false;  ///< linearizably, then tell record_read()
};

}  // namespace kv
