// The log of a shard: which entries there are, and those of them that are in memory. On disk are all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tools/kv/shard/checkpoint.hpp"
#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/messages.hpp"

namespace kv {

/// First come entries that are applied and kept for those who lack them; the last of these, the window, are in memory.
/// What comes after that is prepared, may be cut off, and can be looked up by key and by request.
class shard_log {
public:
    shard_log() = default;
    /// The log begins after `base`; `entries` are its last ones, after what `before` is about; up to `applied_seq` they
    /// are in the state.
    shard_log(log_point base, std::uint64_t applied_seq, const std::vector<entry>& entries,
              const log_shape& before = {});
    shard_log(shard_log&&) = default;
    shard_log& operator=(shard_log&&) = default;
    shard_log(const shard_log&) = delete;  // it points into its own entries
    shard_log& operator=(const shard_log&) = delete;
    ~shard_log() = default;

    [[nodiscard]] log_point base() const { return base_; }
    [[nodiscard]] log_point last() const { return runs_.empty() ? base_ : runs_.back(); }
    [[nodiscard]] std::uint64_t applied_seq() const { return applied_seq_; }
    [[nodiscard]] std::uint64_t size() const { return last().seq - base_.seq; }
    [[nodiscard]] bool contains(std::uint64_t seq) const {
        return seq > base_.seq && seq <= last().seq;
    }
    /// From base().seq to last().seq.
    [[nodiscard]] log_point point(std::uint64_t seq) const;
    /// Whether the log has it, or begins after it: then all before is the same too.
    [[nodiscard]] bool has(const log_point& p) const {
        return p.seq >= base_.seq && p.seq <= last().seq && point(p.seq) == p;
    }

    [[nodiscard]] bool is_in_memory(std::uint64_t seq) const {
        return seq > window_ && seq <= last().seq;
    }
    /// Of what is in memory: all that is not applied, and the window.
    [[nodiscard]] const entry& at(std::uint64_t seq) const { return entries_[seq - window_ - 1]; }
    /// Not more than that, but one at least.
    [[nodiscard]] std::vector<entry> slice(std::uint64_t first, std::size_t count,
                                           std::size_t bytes) const;
    [[nodiscard]] std::size_t in_memory() const { return entries_.size(); }
    [[nodiscard]] std::size_t prepared_bytes() const { return prepared_bytes_; }
    [[nodiscard]] log_ends ends(std::uint64_t epoch) const;
    /// Of what is applied.
    [[nodiscard]] log_shape shape() const;
    [[nodiscard]] std::uint64_t applied_bytes() const { return applied_bytes_; }

    void append(entry e);
    /// Drops `first` and what follows. Never what is applied.
    void cut(std::uint64_t first);
    /// The next entry is in the state now.
    void mark_applied();
    /// Keeps that many applied entries in memory, and not more bytes of them.
    void trim(std::size_t count, std::size_t bytes);
    /// Remembers how many bytes there are, whenever that many entries or bytes have come.
    void measure(std::size_t count, std::size_t bytes);
    /// Up to where it could be forgotten, if so much of what is applied is kept. By the last measure.
    [[nodiscard]] std::uint64_t surplus(std::size_t count, std::size_t bytes) const;
    /// Forgets entries up to `seq`, which are applied.
    void drop_to(std::uint64_t seq);

    /// Whether the state of that store can come from this log's entries, as far as this log goes back.
    [[nodiscard]] bool explains(const log_ends& other) const;
    /// The last point that the log with these ends has too. Below base(): it needs more than this log has.
    ///
    /// Everything that the other has applied is committed, so it is here, or was: explains() it.
    [[nodiscard]] std::uint64_t common_with(const log_ends& other) const;

    /// The newest prepared entry that changes the key.
    [[nodiscard]] std::optional<std::uint64_t> prepared_change(std::string_view key) const;
    /// The prepared entry of that request.
    [[nodiscard]] std::optional<std::uint64_t> prepared_request(const request_id& id) const;

private:
    void note(const entry& e);
    void unnote(const entry& e);
    void note_all();

    struct id_hash {
        std::size_t operator()(const request_id& id) const {
            return std::hash<std::uint64_t>()(id.client * 0x9E3779B97F4A7C15U + id.number);
        }
    };

    log_point base_;
    std::uint64_t applied_seq_ = 0;
    std::deque<log_point> runs_;  // the last point of each epoch
    std::deque<log_mark> marks_;
    std::uint64_t applied_bytes_ = 0;  // of all that was ever applied

    std::uint64_t window_ = 0;  // in memory is what follows
    std::deque<entry> entries_;
    std::size_t window_bytes_ = 0, prepared_bytes_ = 0;
    // The newest entry of each; the keys are those in that entry.
    std::unordered_map<std::string_view, std::uint64_t> prepared_changes_;
    std::unordered_map<request_id, std::uint64_t, id_hash> prepared_requests_;
};

}  // namespace kv
