// The names that the parts of the application know each other by.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/atom.hpp"

namespace kv {

/// Takes requests, of this node's methods and of Erlang's nodes.
inline beam::atom router_name() {
    return beam::atom("kv");
}
inline beam::atom keeper_name() {
    return beam::atom("kv_keeper");
}
inline beam::atom mover_name() {
    return beam::atom("kv_mover");
}
inline beam::atom coordinator_name() {
    return beam::atom("kv_coordinator");
}
/// What other applications ask besides values.
inline beam::atom finder_name() {
    return beam::atom("kv_finder");
}
inline beam::atom store_name() {
    return beam::atom("kv_store");
}
/// What the node's store keeps of itself, and of each shard.
inline beam::store::database meta_database() {
    return beam::store::database(store_name(), "meta");
}
inline beam::atom shards_supervisor() {
    return beam::atom("kv_shard_sup");
}
inline beam::atom cursors_name() {
    return beam::atom("kv_scan_cursors");
}
/// The listeners that speak RESP.
inline beam::atom servers_supervisor() {
    return beam::atom("kv_resp_sup");
}
inline beam::atom shard_name(std::uint32_t shard) {
    return beam::atom("kv_shard_" + std::to_string(shard));
}

}  // namespace kv
