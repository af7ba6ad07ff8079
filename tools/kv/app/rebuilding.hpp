// A cluster whose coordinator has lost its data, put together from what its stores hold. No I/O.
//
// Each store that was of the cluster keeps what the coordinator said last (a view), of each shard the record under which it acted
// as the primary, in which epoch it wrote for clients, and its log. Of a shard, the record of the highest epoch counts. Records may
// be newer than any that is found: who made one, or acted by it, was in the set before, or was added to it. So only if all stores
// answered is it certain that one of those found has all that was acknowledged; and who has the longest log of the set has it.
//
// If a store went on by a coordinator that had gone back, records are of two histories. A store that acknowledged a
// write has on its disk in which epoch, and the record by which it led then, from before it did so. So the record must come after
// all such leads (comes_after): the others' histories have acknowledged nothing. Where no record does, the shard is split.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/term/fields.hpp"
#include "tools/kv/app/encoding.hpp"
#include "tools/kv/coordinator/coordinator.hpp"

namespace kv {

/// What a store says of one shard.
struct shard_account {
    std::uint32_t shard = 0;
    std::uint64_t epoch = 0, seq = 0;  ///< of its log's last entry; 0: it has nothing
    /// Under which it acted last, or erased its copy, as coordinators write it; empty: never.
    std::string record;
    bool is_erased = false;  ///< it had a copy that was not wanted any more
    /// Who led in the last epoch of such a record in which a client's request came to its log; epoch 0: none did.
    store_id written_by;
    std::uint64_t written_in = 0;
    std::uint64_t asked_in = 0;  ///< of the last entry of its log that may be a client's request
    BEAM_FIELDS(shard_account, shard, epoch, seq, record, is_erased, written_by, written_in,
                asked_in)
};

/// What a store holds of its cluster.
struct store_account {
    std::string node;
    store_id store;
    std::string uuid;  ///< of its cluster
    std::string view;  ///< the last that it kept (bytes_of); empty: none
    std::vector<shard_account> shards;
    BEAM_FIELDS(store_account, node, store, uuid, view, shards)
};

/// A view as a store keeps it.
[[nodiscard]] std::string bytes_of(const cluster_view& view);
/// Nothing: it cannot be read.
[[nodiscard]] std::optional<cluster_view> view_from(const std::string& bytes);

struct rebuilt_cluster {
    /// Its own uuid, one more recovery; each record of an epoch that no store can have seen.
    first_cluster first;
    std::vector<std::string>
        silent;  ///< nodes whose stores did not answer, and may have what others lack
    /// Shards none of whose last known set answered. They begin with the longest log that is left, or with nothing.
    std::uint32_t lost_shards = 0;
    /// Shards that have gone on twice, and have written for clients both times: some store went on by a record from before, which
    /// a coordinator that had gone back told. They go on with the record of the highest epoch, and without what was
    /// acknowledged under the other.
    std::uint32_t split_shards = 0;
};

/// The newest view of these accounts. Nothing: there is none.
[[nodiscard]] std::optional<cluster_view> newest_view(const std::vector<store_account>& accounts);

/// Errors: `no_view` (no store says what the cluster was), `no_store` (those that answered were all removed from it).
[[nodiscard]] beam::result<rebuilt_cluster> rebuild(const std::vector<store_account>& accounts);

}  // namespace kv
