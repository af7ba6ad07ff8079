// The record of a shard: who leads, and who holds every acknowledged write. It lives in the coordinator.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tools/kv/shard/ids.hpp"

namespace kv {

/// Changes only by compare-and-swap, and each change raises `epoch` by one.
struct shard_record {
    std::uint64_t epoch = 0;
    store_id primary;
    std::vector<store_id>
        isr;  ///< the in-sync set: the primary and the replicas that commits wait for

    friend bool operator==(const shard_record&, const shard_record&) = default;

    [[nodiscard]] bool has(const store_id& s) const {
        return std::find(isr.begin(), isr.end(), s) != isr.end();
    }
    /// The record after this one, led by `leader`.
    [[nodiscard]] shard_record next(const store_id& leader) const {
        shard_record r = *this;
        ++r.epoch;
        r.primary = leader;
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
