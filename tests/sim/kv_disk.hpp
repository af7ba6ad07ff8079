// The disk of a store in the simulator: what is there, what of it a crash leaves, and what the shard reads.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/shard/outputs.hpp"
#include "tools/kv/shard/shard.hpp"

namespace test {

struct kv_image {
    std::map<std::string, kv::value> data;
    kv::log_point base;
    std::vector<kv::entry> entries;
    std::uint64_t applied_seq = 0;
    kv::dedup_table requests;  // as of that; a store does not keep it
    kv::checkpoint saved;
    kv::shard_record acted;
    kv::past_lead written;      // the last lead by that in which a client's request came to the log
    std::uint64_t staging = 0;  // the transfer
    std::map<std::string, kv::value> staged;

    void make(const kv::storage_change& c);
    /// What a start is given.
    [[nodiscard]] kv::stored_shard stored() const;
    [[nodiscard]] std::uint64_t last_seq() const {
        return entries.empty() ? base.seq : entries.back().at.seq;
    }
    /// The entry of that number; nullptr: none here.
    [[nodiscard]] const kv::entry* at(std::uint64_t seq) const {
        return seq > base.seq && seq <= last_seq() ? &entries[seq - base.seq - 1] : nullptr;
    }
};

/// What a look-up of that range finds.
[[nodiscard]] kv::scan_page scan(const std::map<std::string, kv::value>& data,
                                 const kv::scan_range& range, std::int64_t wall_ms);

class kv_disk : public kv::table {
public:
    /// `syncs_late`: what it calls durable, and so is acknowledged, it may lose by a stop of the machine. So many applied entries it
    /// keeps back: the log has them, the data not yet.
    explicit kv_disk(bool syncs_late = false, std::size_t kept_back_max = 0)
        : syncs_late_(syncs_late), kept_back_max_(kept_back_max) {}

    [[nodiscard]] std::optional<kv::value> get(const std::string& key) const override;
    /// Seen at once, durable when synced. False: all of it is kept back, and its ticket goes with the next one.
    [[nodiscard]] bool write(std::uint64_t ticket, std::vector<kv::storage_change> batch);
    /// The oldest batch is durable now.
    void sync();
    /// Power is lost: of what was not synced the first `kept` batches are there.
    void lose(std::size_t kept);
    /// The machine stops: of what was acknowledged of late the first `kept` batches are there, and nothing after.
    void lose_late(std::size_t kept);
    /// How many batches that may lose, at most `late_max`.
    [[nodiscard]] std::size_t late() const { return late_.size(); }
    static constexpr std::size_t late_max = 20;

    [[nodiscard]] std::size_t unsynced() const { return batches_.size(); }
    [[nodiscard]] std::uint64_t oldest_ticket() const { return batches_.front().first; }
    [[nodiscard]] const kv_image& seen() const { return seen_; }
    [[nodiscard]] const kv_image& durable() const { return durable_; }

private:
    [[nodiscard]] std::vector<kv::storage_change> without_kept_back(
        std::vector<kv::storage_change> batch);

    const bool syncs_late_;
    const std::size_t kept_back_max_;
    std::vector<kv::storage_change> kept_back_;
    kv_image seen_, durable_;
    kv_image settled_;  // without the late ones
    std::deque<std::vector<kv::storage_change>> late_;
    std::deque<std::pair<std::uint64_t, std::vector<kv::storage_change>>> batches_;
};

}  // namespace test
