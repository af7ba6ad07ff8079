// The log of a shard in memory: entries that are committed and kept for those who lack them, then what is prepared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/messages.hpp"

namespace kv {

/// Knows how much of itself is applied: what comes after that is prepared, may be cut off, and can be looked up by
/// key and by request.
class shard_log {
public:
    shard_log() = default;
    /// The entries follow `base`; up to `applied_seq` they are in the state.
    shard_log(log_point base, std::uint64_t applied_seq, const std::vector<entry>& entries);

    [[nodiscard]] log_point base() const { return base_; }
    [[nodiscard]] log_point last() const { return entries_.empty() ? base_ : entries_.back().at; }
    [[nodiscard]] std::uint64_t applied_seq() const { return applied_seq_; }
    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] bool contains(std::uint64_t seq) const {
        return seq > base_.seq && seq <= last().seq;
    }
    [[nodiscard]] const entry& at(std::uint64_t seq) const { return entries_[seq - base_.seq - 1]; }
    /// From base().seq to last().seq.
    [[nodiscard]] log_point point(std::uint64_t seq) const {
        return seq == base_.seq ? base_ : at(seq).at;
    }
    [[nodiscard]] std::vector<entry> slice(std::uint64_t first, std::size_t max) const;
    [[nodiscard]] log_ends ends(std::uint64_t epoch) const;

    void append(entry e);
    /// Drops `first` and what follows. Never what is applied.
    void cut(std::uint64_t first);
    /// The next entry is in the state now.
    void mark_applied();
    /// Forgets entries up to `seq`, which are applied.
    void drop_to(std::uint64_t seq);

    /// The last point that the log with these ends has too. Below base(): it needs more than this log has.
    ///
    /// Everything that the other has applied is committed, so it is here, or was.
    [[nodiscard]] std::uint64_t common_with(const log_ends& other) const;

    /// The newest prepared entry that changes the key.
    [[nodiscard]] std::optional<std::uint64_t> prepared_change(const std::string& key) const;
    /// The prepared entry of that request.
    [[nodiscard]] std::optional<std::uint64_t> prepared_request(const request_id& id) const;

private:
    void note(const entry& e);
    void unnote(const entry& e);

    log_point base_;
    std::uint64_t applied_seq_ = 0;
    std::deque<entry> entries_;
    std::deque<log_point> runs_;  // the last point of each epoch
    std::set<std::pair<std::string, std::uint64_t>> prepared_changes_;
    std::map<request_id, std::uint64_t> prepared_requests_;
};

}  // namespace kv
