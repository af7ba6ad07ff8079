// roster: the entries of all origins, found by dot, by topic and by key, each in constant time.
//
// One pool of slots, and lists through it by slot number: an entry costs its slot and two words of buckets.
// Adding, finding and removing touch a few slots; only what shows or forgets a whole origin walks its list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "libbeamcore/pubsub/tracker_entry.hpp"

namespace beam::tracker {

class roster {
public:
    using slot_id = std::uint32_t;
    static constexpr slot_id none = ~slot_id(0);

    /// A list of its own for one more origin: its number.
    std::uint32_t add_origin();

    /// Takes the entry in, which the origin does not have yet.
    slot_id add(std::uint32_t origin, entry e);
    void remove(slot_id id);
    void clear(std::uint32_t origin);

    [[nodiscard]] slot_id find(std::uint32_t origin, std::uint64_t counter) const;
    [[nodiscard]] const entry& at(slot_id id) const { return slot_at(id).what; }
    [[nodiscard]] std::uint32_t origin_of(slot_id id) const { return slot_at(id).origin; }

    [[nodiscard]] std::size_t size(std::uint32_t origin) const { return origins_[origin].count; }
    /// The xor of the entries' hashes.
    [[nodiscard]] std::uint64_t digest(std::uint32_t origin) const {
        return origins_[origin].digest;
    }
    [[nodiscard]] std::size_t topics() const { return topics_.size(); }

    // In these the callback may not change the roster.

    /// Each entry of an origin, in the order in which they came.
    template <class F>
    void each(std::uint32_t origin, F f) const {
        for (slot_id i = origins_[origin].first; i != none; i = slot_at(i).origin_next) f(i);
    }
    template <class F>
    void each_in(const term& topic, F f) const {
        auto found = topics_.find(topic);
        if (found == topics_.end()) return;
        for (slot_id i = found->second.first; i != none; i = slot_at(i).topic_next) f(i);
    }
    template <class F>
    void each_of(const term& topic, const term& key, F f) const {
        if (by_key_.empty()) return;
        for (slot_id i = by_key_[bucket(key_hash(topic, key))]; i != none; i = slot_at(i).key_next)
            if (slot_at(i).what.key == key && slot_at(i).what.topic == topic) f(i);
    }

private:
    struct slot {
        entry what;
        std::uint32_t origin = 0;
        slot_id dot_next = none, key_next = none;  // of the same bucket
        slot_id origin_next = none, origin_previous = none;
        slot_id topic_next = none, topic_previous = none;
    };
    struct slot_list {
        slot_id first = none, last = none;
        std::size_t count = 0;
        std::uint64_t digest = 0;  // of an origin
    };

    static std::uint64_t dot_hash(std::uint32_t origin, std::uint64_t counter);
    static std::uint64_t key_hash(const term& topic, const term& key);
    [[nodiscard]] std::size_t bucket(std::uint64_t hash) const {
        return hash & (by_dot_.size() - 1);
    }

    template <slot_id slot::*Next, slot_id slot::*Previous>
    void append(slot_list& list, slot_id id);
    template <slot_id slot::*Next, slot_id slot::*Previous>
    void take_out(slot_list& list, slot_id id);
    template <slot_id slot::*Next>
    void unchain(slot_id& first, slot_id id);
    void rehash(std::size_t buckets);

    // In blocks, so that none ever moves; all are given back when nothing is left.
    static constexpr unsigned block_bits = 8;
    [[nodiscard]] slot& slot_at(slot_id id) {
        return blocks_[id >> block_bits][id & ((1U << block_bits) - 1)];
    }
    [[nodiscard]] const slot& slot_at(slot_id id) const {
        return blocks_[id >> block_bits][id & ((1U << block_bits) - 1)];
    }
    slot_id take_slot();

    std::vector<std::unique_ptr<slot[]>> blocks_;
    slot_id fresh_ = 0;    // the first that was never used
    slot_id free_ = none;  // chained by dot_next
    std::size_t used_ = 0;
    std::vector<slot_id> by_dot_, by_key_;  // of the same size, a power of two
    std::vector<slot_list> origins_;
    std::unordered_map<term, slot_list> topics_;  // those with entries
};

}  // namespace beam::tracker
