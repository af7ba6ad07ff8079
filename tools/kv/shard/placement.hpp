// Where keys live: which shard a key is in, and which nodes hold each shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kv {

/// XXH3-64 of the key, modulo `shards` (at least 1). Of a key with a {tag} in it the tag alone counts, as in Redis
/// Cluster: keys with one tag share a shard. An empty tag is none.
[[nodiscard]] std::uint32_t shard_of(std::string_view key, std::uint32_t shards);

/// Which nodes hold each shard, the preferred primary first. Nodes are sorted by name.
struct plan {
    std::uint64_t number = 0;  ///< of this plan: grows
    std::vector<std::string> nodes;
    std::vector<std::vector<std::string>> shards;

    friend bool operator==(const plan&, const plan&) = default;
};

/// Round-robin: shard s on node s modulo their count, its replicas on the next ones. With fewer nodes than copies, one
/// copy a node.
[[nodiscard]] plan first_plan(std::vector<std::string> nodes, std::uint32_t shards,
                              std::size_t copies);

/// The plan for `nodes` that follows `previous`: the same for everybody who makes it, with few copies moved, and loads
/// and leaderships that differ by one at most where the nodes allow it. Without nodes: the previous one.
[[nodiscard]] plan next_plan(const plan& previous, std::vector<std::string> nodes,
                             std::size_t copies);

}  // namespace kv
