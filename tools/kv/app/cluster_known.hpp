// The cluster as the keeper knows it, for methods.
#pragma once

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/kv/app/keeper.hpp"

namespace kv {

/// Once there is a cluster: that of nodes that have just been started is a moment away. Else why there is none.
[[nodiscard]] beam::awaitable<tl::expected<node_standing, beam::request_error>> settled();

/// Whether the node that has that store is up with it, as far as the coordinator knows.
[[nodiscard]] bool is_up(const cluster_view& view, const store_id& store);

}  // namespace kv
