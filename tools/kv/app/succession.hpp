// succession: a shard goes on with what is left of it, when the machines of all its in-sync stores stopped before their last
// writes were synced (BEAM_KV_SYNC).
//
// What is left of a store is another store, its heir (store_entry::after): it may lack what was acknowledged, so it is no member
// of anything. A member that has lost nothing leads, and brings the others up. Only where there is none, and each member has an
// heir that is up, the heir with the longest log leads alone: nobody has more. What it lacks is lost, as was agreed to. An heir that is not up may
// have more: it is waited for, or an operator's `recover` gives it up.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tools/kv/coordinator/cluster_view.hpp"

namespace kv {

/// A shard of whose set nothing but heirs is left, all of them up.
struct lost_shard {
    std::uint32_t shard = 0;
    std::vector<store_id> heirs;  ///< the primary's first

    friend bool operator==(const lost_shard&, const lost_shard&) = default;
};

/// Those that this store is to see to: the heir of the primary does, and others leave it to that one.
[[nodiscard]] std::vector<lost_shard> lost_shards(const cluster_view& view, const store_id& self);

/// A process that asks the heirs what they have and has the best of each shard lead. It ends by itself, within seconds; what it could
/// not do is there at the next look.
void begin_succession(std::shared_ptr<const cluster_view> view, std::vector<lost_shard> shards);

}  // namespace kv
