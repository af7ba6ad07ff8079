// What a coordinator knows of a cluster, at one revision: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/kv/shard/ids.hpp"
#include "tools/kv/shard/placement.hpp"
#include "tools/kv/shard/record.hpp"

namespace kv {

// A node that is silent is put out no sooner: it may only be restarting.
inline constexpr std::chrono::milliseconds out_after_min = std::chrono::seconds(1),
                                           out_after_max = std::chrono::hours(30 * 24);

/// What is fixed when a cluster is made.
struct cluster_meta {
    /// Names the cluster's data: nodes keep it, and refuse another's. Empty: no cluster.
    std::string uuid;
    std::uint32_t shards = 64;
    std::uint32_t copies = 2;  ///< of each shard, its primary with it
    std::uint32_t min_isr = 1;
    /// A node that is silent for so long is put out.
    std::chrono::milliseconds out_after{10'000};
    std::uint32_t format = 1;  ///< of what is kept in the coordinator
    /// How often it was put together anew from what its stores hold. Who knew it before must not go on.
    std::uint32_t recoveries = 0;
    std::string moved_to{};  ///< not empty: the cluster has another coordinator now (retire)
    /// Not empty: this is an earlier state of the cluster, as somebody has found out who knows a later one (mark_outdated).
    std::string outdated{};

    friend bool operator==(const cluster_meta&, const cluster_meta&) = default;
};

/// `out`: silent for too long, holds no copies in the next plan. The others that are not `in` are an operator's wish.
enum class store_state : std::uint8_t { in, out, draining, removed };

/// "in", "out", "draining", "removed".
[[nodiscard]] std::string_view to_string(store_state state);

struct store_entry {
    store_id id;
    std::string node;
    store_state state = store_state::in;
    std::uint32_t weight = 1;
    /// Of creation: a node's newest store is the one that it has now. Stores of different nodes may share one.
    std::uint64_t order = 0;
    std::uint64_t rev = 0;  ///< of the last change
    /// The store of which this is what a stop of the machine left: it may lack what that had, so it is another one. None: it
    /// began empty.
    store_id after{};

    friend bool operator==(const store_entry&, const store_entry&) = default;
};

/// A life of a node: one of its OS process.
struct member {
    std::string node;
    store_id store;
    std::uint64_t incarnation = 0;  ///< 64 random bits a life
    std::string dist_address;       ///< where other nodes reach it
    /// False: this life has ended for sure, and nothing that it began goes on. True, and a node that is not listed,
    /// say nothing: a process that was cut off, or paused, may be listed or not.
    bool is_alive = true;
    /// How soon what it has acknowledged is on its disk: empty, before; else "interval=20ms".
    std::string sync{};

    friend bool operator==(const member&, const member&) = default;
};

struct cluster_view {
    std::uint64_t rev = 0;  ///< grows with every change of anything here
    cluster_meta meta;
    std::vector<store_entry> stores;  ///< in the order of their creation
    std::vector<member> members;      ///< by name of the node
    kv::plan plan;
    std::uint64_t plan_rev = 0;         ///< 0: there is none
    std::vector<known_record> records;  ///< one a shard

    [[nodiscard]] bool has_cluster() const { return !meta.uuid.empty(); }
    [[nodiscard]] const store_entry* find_store(const store_id& id) const;
    /// The newest store of a node.
    [[nodiscard]] const store_entry* store_of(std::string_view node) const;
    /// Empty: no such store.
    [[nodiscard]] std::string_view node_of(const store_id& id) const;
    [[nodiscard]] const member* find_member(std::string_view node) const;
    /// The store that a node has now, of which `lost` was an earlier one before the machine stopped (store_entry::after). Null:
    /// there is none, or it has the same.
    [[nodiscard]] const store_entry* heir_of(const store_id& lost) const;
    /// Whether the store is of the set, or is what is left of one that is.
    [[nodiscard]] bool is_left_on(const store_entry& store, const shard_record& record) const;
    /// The plan's row of a shard as stores, the preferred primary first. Nodes without a store are left out.
    [[nodiscard]] std::vector<store_id> plan_of(std::uint32_t shard) const;
    /// The nodes whose newest store is `in`, sorted: those that the next plan is for.
    [[nodiscard]] std::vector<std::string> nodes_in() const;
};

}  // namespace kv
