// What a node has seen of its cluster before, and whether a coordinator has gone back behind it: an etcd that was restored
// from a snapshot, a file in whose place an older copy was put. No I/O.
//
// Whatever a store has seen was in the coordinator before, and all reads of it are linearizable. So a coordinator that
// says less than that has lost what came between, and its word on who is in sync is not to be believed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tools/kv/coordinator/cluster_view.hpp"

namespace kv {

/// What a store has of a shard.
struct shard_memory {
    std::uint32_t shard = 0;
    std::uint64_t epoch = 0;  ///< of its log's last entry; 0: there is none
    shard_record acted{};     ///< under which it acted last; epoch 0: never
};

struct cluster_memory {
    std::string node;                            ///< whose memory it is, for messages
    std::shared_ptr<const cluster_view> view{};  ///< the last one seen; null: none
    std::vector<shard_memory> shards{};          ///< what may be later than that
};

/// Why `now` is no later state of what `before` has seen, for messages: "shard 17 is at epoch 5, and nodeA has seen 9".
/// Empty: nothing says so. One that has moved is not judged: what came after is elsewhere.
///
/// Revisions do not count: those of another coordinator, to which a cluster was moved, are others. Nor does what a
/// recovery makes anew, once it has been made: numbers of the plan, the stores.
[[nodiscard]] std::string what_is_older(const cluster_view& now, const cluster_memory& before);

}  // namespace kv
