// How what a coordinator knows is written in it: keys, and values in JSON; the same in both backends.
//
//     meta            {"uuid", "shards", "copies", "min_isr", "out_after_ms", "format", "recoveries", "moved_to", "outdated"}
//     stores/STORE    {"node", "state", "weight", "order", "after"}
//     members/NODE    {"store", "incarnation", "address", "alive", "pid", "sync"}
//     plan            {"n", "nodes", "shards"}
//     shards/NUMBER   {"epoch", "primary", "isr", "past": [[STORE, EPOCH], ...], "past_from"}
//
// Fields and keys that are not known are passed over: a later version may have written them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"

namespace kv {

constexpr std::uint32_t known_format = 1;
constexpr std::uint32_t shards_of_cluster_max = 4096;

inline const std::string meta_key = "meta";
inline const std::string plan_key = "plan";
[[nodiscard]] std::string shard_key(std::uint32_t shard);
[[nodiscard]] std::string store_key(const store_id& id);
[[nodiscard]] std::string member_key(std::string_view node);

/// 32 hexadecimal digits.
[[nodiscard]] std::string to_text(const store_id& id);
[[nodiscard]] std::optional<store_id> store_id_of(std::string_view text);

/// A member, and where its OS process is: a hint for who shares the host.
struct kept_member {
    kv::member member;
    std::int64_t os_pid = 0;
};

[[nodiscard]] std::string encode(const cluster_meta& meta);
[[nodiscard]] std::string encode(const store_entry& store);
[[nodiscard]] std::string encode(const kept_member& member);
[[nodiscard]] std::string encode(const plan& p);
[[nodiscard]] std::string encode(const shard_record& record);

// Errors of all: `corrupt`, with the key as detail.

/// Also: `too_new`.
[[nodiscard]] beam::result<cluster_meta> decode_meta(std::string_view value);
[[nodiscard]] beam::result<store_entry> decode_store(std::string_view key, std::string_view value);
[[nodiscard]] beam::result<kept_member> decode_member(std::string_view key, std::string_view value);
[[nodiscard]] beam::result<plan> decode_plan(std::string_view value);
[[nodiscard]] beam::result<shard_record> decode_record(std::string_view key,
                                                       std::string_view value);

/// A key with what is told about it.
struct kept_value {
    std::string key;
    std::string value;
    std::uint64_t rev = 0;  ///< the last one that changed it
};

/// A view, and the OS processes of its members, in their order.
struct kept_view {
    cluster_view view;
    std::vector<std::int64_t> os_pids;
};

/// Everything that is kept at one revision, as a view. Errors: `corrupt`, `too_new`.
[[nodiscard]] beam::result<kept_view> view_of(std::uint64_t rev,
                                              const std::vector<kept_value>& all);

/// What view_of() makes this view of.
[[nodiscard]] std::vector<kept_value> kept_of(const cluster_view& view);

/// The first free place in the order of stores.
[[nodiscard]] std::uint64_t next_order(const std::vector<store_entry>& stores);
/// Of a store that joins and is none of these; of no node yet. One that is what is left of another drains if that did.
[[nodiscard]] store_entry new_entry(const std::vector<store_entry>& stores,
                                    const join_request& request);

// Checks before anything is written.

/// Errors: `bad_cluster`.
[[nodiscard]] beam::result<void> check(const first_cluster& first);
/// Errors: `bad_name`, `bad_store`.
[[nodiscard]] beam::result<void> check(const join_request& request);
/// Errors: `bad_record`.
[[nodiscard]] beam::result<void> check(const shard_record& record);

/// What a coordinator knows its cluster by.
struct cluster_identity {
    std::string uuid;                           ///< empty: none is known yet
    std::optional<std::uint32_t> recoveries{};  ///< nothing: none was seen here yet
};

/// Whether `meta` (null: nothing is there) is of the cluster that is known; takes note of what is not known yet.
///
/// Errors: `no_cluster`, `lost`, `wrong_cluster`, `moved`, `outdated`, `recovered`.
[[nodiscard]] beam::result<void> recognise(const cluster_meta* meta, cluster_identity& known);

/// Whether a cluster may be made where there is one: only what has been marked as outdated is replaced, by the same cluster
/// with a later recovery. Errors: `exists` (with its uuid as detail), `conflict` (it is outdated, and not marked).
[[nodiscard]] beam::result<void> may_replace(const cluster_meta& there, const cluster_meta& by);

}  // namespace kv
