// The tables of one registry.
//
// Entries are found in two ways: by key, in shards that each have a lock, and by owner, for the end of a
// process. An owner's list is written before its entry and taken out after it, so that whenever the owner
// dies its partition finds all that is to be removed. Only an owner adds or removes its own entries, and
// its partition after its death; nobody holds two locks.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/internal/atomic_pid.hpp"
#include "libbeamcore/otp/internal/key_table.hpp"
#include "libbeamcore/otp/internal/short_lock.hpp"
#include "libbeamcore/otp/registry.hpp"

namespace beam::detail {

class registry_table {
public:
    explicit registry_table(registry_options options);

    [[nodiscard]] atom name() const { return options_.name; }
    [[nodiscard]] bool is_unique() const { return options_.keys == registry_keys::unique; }
    [[nodiscard]] const std::vector<atom>& listeners() const { return options_.listeners; }
    [[nodiscard]] std::size_t partitions() const { return partitions_.size(); }

    // The partition that looks after a process.
    [[nodiscard]] std::size_t partition_of(const pid& owner) const;
    [[nodiscard]] pid process(std::size_t partition) const;
    void set_process(std::size_t partition, pid p);

    // Adds an entry; for unique keys gives who holds it if somebody alive does.
    std::optional<pid> add(const pid& owner, const term& key, const term& value);
    // Takes the entries of a key by `owner` out for which `which(value)` holds. True if the owner has none
    // left of any key.
    template <class Which>
    bool remove(const pid& owner, const term& key, Which which);
    // Takes out all of a dead owner's; gives the keys.
    std::vector<term> remove_all(const pid& owner);
    // Takes out what the partition looks after: its process was started again.
    void clear(std::size_t partition);
    bool set_value(const pid& owner, const term& key, const term& value);

    [[nodiscard]] std::vector<term> keys(const pid& owner) const;
    [[nodiscard]] std::size_t count() const;
    // f(pid, value) for the entries of a key, under a lock: must be short and call nothing of the registry.
    template <class F>
    void each(const term& key, F f) const;
    // The entries of a key by partition, those without any left out.
    [[nodiscard]] std::vector<std::vector<registry_entry>> by_partition(const term& key) const;
    // f(key, pid, value) for all. As each().
    template <class F>
    void all(F f) const;

    void put_meta(term key, term value);
    [[nodiscard]] std::optional<term> meta(const term& key) const;
    void delete_meta(const term& key);

private:
    static constexpr std::size_t shards = 16;

    // A line of its own: others are changed by other threads.
    struct alignas(64) shard {
        mutable short_lock lock;
        key_table entries;
    };
    struct partition {
        std::array<shard, shards> keys;
        mutable short_lock lock;
        std::unordered_map<pid, std::vector<term>> owned;
        atomic_pid process;
    };

    // Unique keys are placed by key, so that a look-up asks one partition; duplicate ones by owner.
    [[nodiscard]] shard& place(const pid& owner, std::uint64_t hash);
    void forget_entries(const pid& owner, const term& key);
    void forget_owned(const pid& owner, const term& key, std::size_t count, bool& none_left);

    registry_options options_;
    std::vector<std::unique_ptr<partition>> partitions_;
    mutable std::shared_mutex meta_lock_;
    std::unordered_map<term, term> meta_;
};

template <class F>
void registry_table::each(const term& key, F f) const {
    std::size_t h = key.hash();
    std::size_t first = is_unique() ? h / shards % partitions_.size() : 0;
    std::size_t last = is_unique() ? first + 1 : partitions_.size();
    for (std::size_t p = first; p < last; ++p) {
        const shard& s = partitions_[p]->keys[h % shards];
        s.entries.prefetch(h);
        std::shared_lock guard(s.lock);
        const std::size_t at = s.entries.find(h, key);
        if (at != key_table::nowhere) s.entries.each(at, f);
    }
}

template <class F>
void registry_table::all(F f) const {
    for (const auto& p : partitions_) {
        for (const shard& s : p->keys) {
            std::shared_lock guard(s.lock);
            s.entries.all(f);
        }
    }
}

template <class Which>
bool registry_table::remove(const pid& owner, const term& key, Which which) {
    std::size_t removed = 0;
    {
        const std::uint64_t h = key.hash();
        shard& s = place(owner, h);
        std::unique_lock guard(s.lock);
        const std::size_t at = s.entries.find(h, key);
        if (at != key_table::nowhere)
            removed = s.entries.erase_if(
                at, [&](const pid& p, const term& value) { return p == owner && which(value); });
    }
    bool none_left = false;
    forget_owned(owner, key, removed, none_left);
    return none_left && removed > 0;
}

}  // namespace beam::detail
