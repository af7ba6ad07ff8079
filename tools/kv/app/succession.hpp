// succession: a shard goes on with what is left of it, when the machines of all its in-sync stores stopped before their last
// writes were synced (BEAM_KV_SYNC).
//
// What is left of a store is another store, its heir (store_entry::after): it may lack what was acknowledged, so it is no member
// of anything. A member that has lost nothing leads, and brings the others up. Only where there is none, and each member has an
// heir that is up, the longest log leads alone: that of an heir, or of a copy that was not in sync any more, which may have what
// the heirs have lost, and nothing later. What it lacks is lost, as was agreed to. An heir that is not up may have more, and so
// may another node that the plan has for the shard: they are waited for, the latter until it is put out, or an operator's
// `recover` gives them up. Whoever is asked and does not answer is asked again at the next look.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "libbeamcore/term/pid.hpp"
#include "tools/kv/coordinator/cluster_view.hpp"

namespace kv {

/// A shard of whose set nothing but heirs is left, all of them up.
struct lost_shard {
    std::uint32_t shard = 0;
    std::vector<store_id> heirs;  ///< the primary's first

    friend bool operator==(const lost_shard&, const lost_shard&) = default;
};

/// The stores that the plan has for a shard and that are not up, which may have what heirs have lost. A node that is out is not
/// waited for.
[[nodiscard]] std::vector<store_id> may_have_more(const cluster_view& view, std::uint32_t shard);

/// Those that this store is to see to: the heir of the primary does, and others leave it to that one.
[[nodiscard]] std::vector<lost_shard> lost_shards(const cluster_view& view, const store_id& self);

/// A process that asks all nodes what they have and has the best of each shard lead. It ends by itself, within seconds; what it could
/// not do is there at the next look.
beam::pid begin_succession(std::shared_ptr<const cluster_view> view,
                           std::vector<lost_shard> shards);

}  // namespace kv
