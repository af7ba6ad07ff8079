// What the processes of the application tell each other, on one node and between nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/term/fields.hpp"
#include "tools/kv/app/encoding.hpp"
#include "tools/kv/coordinator/cluster_view.hpp"

namespace kv {

/// Store to store: a message of the shard's, to the process of the same shard on another node.
struct from_store {
    store_id
        to;  ///< the node may have another one by now: what was meant for the one before is not for it
    store_id store;
    std::uint64_t incarnation = 0;  ///< of the node that sent it
    message what;
    BEAM_FIELDS(from_store, to, store, incarnation, what)
};

/// Router to shard. The answer goes to that router, with the token.
struct ask_write {
    beam::pid router;
    std::uint64_t token = 0;
    write_request what;
    BEAM_FIELDS(ask_write, router, token, what)
};
struct ask_read {
    beam::pid router;
    std::uint64_t token = 0;
    read_request what;
    BEAM_FIELDS(ask_read, router, token, what)
};

struct ask_changes {
    beam::pid router;
    std::uint64_t token = 0;
    changes_request what;
    BEAM_FIELDS(ask_changes, router, token, what)
};

/// Shard to router.
struct shard_answer {
    std::uint64_t token = 0;
    answer what;
    std::optional<changes_page> changes{};  ///< the answer to ask_changes, if it is `found`
    BEAM_FIELDS(shard_answer, token, what, changes)
};

/// Keeper to the shards and the router of its node: what the cluster is, as far as this node knows.
struct cluster_facts {
    std::shared_ptr<const cluster_view> view;
    store_id self;
    std::uint64_t incarnation = 0;
    std::vector<store_id> being_filled{};  ///< stores_being_filled() of it
};

/// Keeper to the shards of its node: that life of the store's process is over.
struct store_died {
    store_id store;
    std::uint64_t incarnation = 0;
};

}  // namespace kv
