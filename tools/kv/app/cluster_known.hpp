// The cluster as the keeper knows it, for methods.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/kv/app/keeper.hpp"

namespace kv {

/// Once there is a cluster: that of nodes that have just been started is a moment away. Else why there is none.
[[nodiscard]] beam::awaitable<tl::expected<node_standing, beam::request_error>> settled();

/// What to tell of a coordinator that cannot be believed, and what to do: it has lost its data, or has an earlier state.
struct coordinator_loss {
    std::string why, advice;
};
/// Nothing: it is neither.
[[nodiscard]] std::optional<coordinator_loss> loss_of(const node_standing& node);

/// Whether the node that has that store is up with it, as far as the coordinator knows.
[[nodiscard]] bool is_up(const cluster_view& view, const store_id& store);

/// Stores that lack copies which they are to have, of shards whose primary is up, sorted. They have enough to do: until they have
/// all, they take over no lead that another one can have.
[[nodiscard]] std::vector<store_id> stores_being_filled(const cluster_view& view);
/// The plan's row of a shard, with those of `being_filled` last, but for who leads: gets would wait behind the copies that are on
/// their way to them.
[[nodiscard]] std::vector<store_id> row_to_follow(const cluster_view& view, std::uint32_t shard,
                                                  const std::vector<store_id>& being_filled);

}  // namespace kv
