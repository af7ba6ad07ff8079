// What a store has on disk of one shard, in the databases of the node's store; and the shard's data as it is with what
// was not committed yet.
//
//   database  key                                       value
//   meta      store                                     the store's id
//             format                                    "1"
//             shard state                               where the log begins, what is applied, which record, which data,
//                                                       in which epoch it wrote for clients
//             shard checkpoint                          what a start needs beside the entries after it
//   log       shard, seq                                an entry, with a checksum, and what was applied as it was written
//   data      shard, generation, key                    a value, with a checksum
//   due       shard, generation, expires_ms, key        nothing: which keys may have expired
//
// Numbers are fixed and begin with their highest byte (shard 2 bytes, generation 4, seq and expires_ms 8), so keys are
// ordered as they are. A snapshot is written as the next generation beside the one that is in use; taking it into use
// is one write of the state. A copy that is erased ends in the same way: the next generations have nothing. What is left of
// the generations before is taken away in steps, by who drives the shard.
//
// What is applied changes with each entry, so it rides with the log's last one, and the state is written only where
// something else of it changes, or without a new entry. Both are counted: the later one holds. (A third of all that
// RocksDB has to insert for a write, which is what a write costs there.)
//
// What entries came to may be kept back in memory and go to `data` some time later, many keys at once and in their order: the log
// has it, and says how far the data is; a start applies the rest again. (A key costs an engine less beside its neighbours, and one
// that is overwritten meanwhile nothing: 50 writers, a node with LMDB, 29 500 -> 38 800 writes/s.)
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/store.hpp"
#include "tools/kv/app/bytes.hpp"
#include "tools/kv/app/spoilt_disk.hpp"
#include "tools/kv/shard/outputs.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

/// Reads are of the calling process, and are short.
class shard_disk : public table {
public:
    shard_disk(const beam::server_ref& store, std::uint32_t shard);

    /// Entries' changes of so many bytes are kept back; 0, as it begins: none.
    void keep_back(std::size_t bytes_max) { kept_back_max_ = bytes_max; }

    /// What a start needs. Nothing there: an empty shard. Throws spoilt_disk.
    [[nodiscard]] stored_shard load();

    /// The last entry of the log that is on disk; all zero: there is nothing. Needs no load().
    [[nodiscard]] log_point last_on_disk() const;
    /// The epoch of the last entry of the log that may be a client's request; 0: there is none. Needs no load().
    [[nodiscard]] std::uint64_t asked_in_on_disk() const;
    /// The record under which this store acted last as the primary, or erased its copy; epoch 0: never. Needs no load().
    [[nodiscard]] shard_record record_on_disk() const;
    /// The last epoch of such a record in which a client's request came to the log, and who led in it; epoch 0: none. What was
    /// acknowledged by this store as the primary is of it, or of an earlier one. Needs no load().
    [[nodiscard]] past_lead written_on_disk() const;
    /// Whether the store has anything of the shard's log or data. Needs no load().
    [[nodiscard]] bool is_anything_on_disk() const;
    /// Whether the store had a copy, has erased it, and got nothing since. Needs no load().
    [[nodiscard]] bool is_erased_on_disk() const;
    /// Whether the data may have what the log does not lead to: a snapshot was installed, and what it was ahead of is not all there.
    /// Needs no load().
    [[nodiscard]] bool is_ahead_on_disk() const;
    /// The shards that the store has something of.
    [[nodiscard]] static std::vector<std::uint32_t> shards_on_disk(const beam::server_ref& store);

    /// With all that changes() was given, committed or not.
    [[nodiscard]] std::optional<value> get(const std::string& key) const override;

    struct written_batch {
        beam::store::batch batch;
        bool is_lazy = true;  ///< nothing in it needs to be on disk soon
    };
    /// The changes of one step as a batch, without what is kept back. `log` is as the step left it. Several may be put together
    /// into the write of that number, which grows with each; what is written must be completed first.
    [[nodiscard]] written_batch changes(std::uint64_t write, const std::vector<storage_change>& all,
                                        const shard_log& log);
    /// Adds the state to a batch of all that changes() gave since the last time, where that needs it.
    void complete(beam::store::batch& b);
    [[nodiscard]] bool has_kept_back() const { return !kept_back_.empty(); }
    /// Adds that to a batch that goes into the write of that number, behind all that changes() gave.
    void write_kept_back(beam::store::batch& b, std::uint64_t write);
    /// That write, and those before it, are committed.
    void committed(std::uint64_t write);

    /// Some items after that key, with what is not committed; the last of them has the greatest key. Each item there was
    /// all the while is in one of the pieces that follow each other.
    struct items {
        std::vector<std::pair<std::string, value>> some;
        bool is_last = false;
    };
    [[nodiscard]] items items_after(const std::optional<std::string>& key,
                                    std::size_t bytes_max) const;

    /// The page that a look_up asks for, with all that changes() was given.
    [[nodiscard]] scan_page scan(const scan_range& range, std::int64_t wall_ms) const;

    /// Keys of the index, and of what is kept back, whose time has come: at most `max`. `gone` may rest on what is kept
    /// back, so that is to be written first.
    struct due_keys {
        std::vector<expired_key> expired;
        beam::store::batch
            gone;  ///< takes away what the index has of keys that are no more, or stay longer
        std::size_t looked_at = 0;
    };
    [[nodiscard]] due_keys due(std::int64_t wall_ms, std::size_t max) const;

    /// What takes away the next of what older generations have left, `step_keys` keys or a few more; nothing: there is no more.
    /// For when all that changes() gave was passed on to the store.
    static constexpr std::size_t step_keys = 500;
    [[nodiscard]] std::optional<beam::store::batch> next_leftovers();

    /// Entries of the log from `first` on, as entries_wanted asks for them.
    [[nodiscard]] std::vector<entry> entries_from(std::uint64_t first, std::size_t count,
                                                  std::size_t bytes) const;

private:
    struct state {
        log_point base;
        std::uint64_t applied_seq = 0;
        shard_record acted;
        std::uint32_t generation = 0;
        std::uint64_t number = 0;  // of all states and riders
        past_lead written;         // the last lead with an entry of a client

        friend bool operator==(const state&, const state&) = default;
    };
    /// What rides with an entry.
    struct rider {
        std::uint64_t number = 0, applied_seq = 0;
    };
    struct stored_entry {
        entry what;
        rider with{};
    };
    [[nodiscard]] std::optional<state> state_on_disk() const;
    [[nodiscard]] std::optional<stored_entry> last_entry() const;
    [[nodiscard]] checkpoint checkpoint_on_disk() const;
    [[nodiscard]] std::string own(std::string_view name) const;
    [[nodiscard]] bool has_any(const beam::store::database& db, std::string prefix) const;
    bool add_leftovers(beam::store::batch& b, const beam::store::database& db,
                       std::string_view name) const;
    [[nodiscard]] std::string log_key(std::uint64_t seq) const;
    [[nodiscard]] std::string data_prefix(std::uint32_t generation) const;
    [[nodiscard]] std::string data_key(std::string_view key) const;
    [[nodiscard]] std::string due_key(std::uint32_t generation, std::int64_t expires_ms,
                                      std::string_view key) const;
    void apply(const entry& e);
    void put_item(beam::store::batch& b, std::uint32_t generation, const std::string& key,
                  const value& v) const;
    void append(beam::store::batch& b, const entry& e);
    void note_written(const entry& e);
    void cut(beam::store::batch& b, std::uint64_t first);
    void begin_generation(beam::store::batch& b, std::uint64_t write, std::uint32_t generation);
    void forget_kept_back();
    void add_kept_back(due_keys& all, std::int64_t wall_ms, std::size_t max) const;
    void add_new(items& found, const std::optional<std::string>& after) const;
    [[nodiscard]] value read_value(std::string stored) const;
    [[nodiscard]] stored_entry read_entry(std::string_view bytes) const;
    [[nodiscard]] std::string file() const;

    static constexpr auto never = std::numeric_limits<std::int64_t>::max();
    static constexpr auto no_write = std::numeric_limits<std::uint64_t>::max();
    struct newer {
        std::uint64_t write = 0;  // no_write: it is kept back
        std::optional<value> is;
    };

    beam::store::database meta_, log_, data_, due_;
    std::uint32_t shard_;
    state state_;                 // with all that changes() gave, so without what is kept back
    state saved_;                 // on disk when all batches are
    bool has_state_ = false;      // other than with an entry
    bool is_state_lost_ = false;  // the entry that it rode with is cut off
    bool may_have_leftovers_ = true;
    std::uint64_t begun_by_ = 0,
                  committed_ = 0;  // writes: of this generation's begin, the last committed
    std::uint64_t applied_with_kept_back_ = 0;
    std::map<std::string, newer> uncommitted_;
    std::deque<std::pair<std::uint64_t, std::string>> by_write_;
    std::vector<std::string> kept_back_;  // keys, each once
    std::size_t kept_back_bytes_ = 0, kept_back_max_ = 0;
    std::int64_t kept_back_expires_ms_ = never;  // not after that any of them does
};

}  // namespace kv
