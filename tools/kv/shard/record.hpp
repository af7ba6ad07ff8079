// The record of a shard: who leads, and who holds every acknowledged write. It lives in the coordinator.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tools/kv/shard/ids.hpp"

namespace kv {

/// The last epoch in which a store led.
struct past_lead {
    store_id store;
    std::uint64_t epoch = 0;

    friend bool operator==(const past_lead&, const past_lead&) = default;
};

/// Changes only by compare-and-swap, and each change raises `epoch` by one.
struct shard_record {
    std::uint64_t epoch = 0;
    store_id primary;
    std::vector<store_id>
        isr;  ///< the in-sync set: the primary and the replicas that commits wait for
    /// Who led before the primary, the first ones first. By them a record tells whether it comes after another one: numbers
    /// alone do not, for two histories that begin with one record count alike.
    std::vector<past_lead> past{};
    std::uint64_t past_from = 0;  ///< `past` says nothing of this epoch and those before
    static constexpr std::size_t past_max = 16;
    /// `past_from` of a record of which nothing is known but what it says itself.
    [[nodiscard]] static std::uint64_t all_before(std::uint64_t epoch) {
        return epoch == 0 ? 0 : epoch - 1;
    }

    /// What it says now.
    friend bool operator==(const shard_record& a, const shard_record& b) {
        return a.epoch == b.epoch && a.primary == b.primary && a.isr == b.isr;
    }

    /// Whether all that this store did as the primary in that epoch has come before this record. No: it did it by records of
    /// another history, or by later ones.
    [[nodiscard]] bool comes_after(const past_lead& lead) const {
        if (epoch < lead.epoch) return false;
        if (lead.epoch <= past_from || primary == lead.store) return true;
        return std::any_of(past.begin(), past.end(), [&](const past_lead& p) {
            return p.store == lead.store && p.epoch >= lead.epoch;
        });
    }
    /// Whether `earlier` can have become this by changes one after the other. No: it did not.
    [[nodiscard]] bool follows(const shard_record& earlier) const {
        if (epoch <= earlier.epoch) return *this == earlier;
        return comes_after({earlier.primary, earlier.epoch});
    }

    [[nodiscard]] bool has(const store_id& s) const {
        return std::find(isr.begin(), isr.end(), s) != isr.end();
    }
    /// The record after this one, led by `leader`.
    [[nodiscard]] shard_record next(const store_id& leader) const {
        shard_record r = *this;
        ++r.epoch;
        r.primary = leader;
        if (leader == primary) return r;
        std::erase_if(r.past,
                      [&](const past_lead& p) { return p.store == leader || p.store == primary; });
        r.past.push_back({primary, epoch});
        if (r.past.size() <= past_max) return r;
        r.past_from = std::max(r.past_from, r.past.front().epoch);
        r.past.erase(r.past.begin());
        return r;
    }
    [[nodiscard]] shard_record without(const store_id& s) const {
        shard_record r = *this;
        std::erase(r.isr, s);
        return r;
    }
    [[nodiscard]] shard_record with(const store_id& s) const {
        shard_record r = *this;
        if (!has(s)) r.isr.push_back(s);
        return r;
    }
};

/// A record as it was read. `rev` grows with each change; 0: none was read yet.
struct known_record {
    shard_record record;
    std::uint64_t rev = 0;
};

}  // namespace kv
