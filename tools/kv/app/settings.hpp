// What the environment of a node says about kv; a node that a tool starts has the tool's. And what a node keeps of it.
//
//   BEAM_KV_ENGINE                      lmdb or rocksdb, for a store that is made (lmdb); one that is there keeps its own
//   BEAM_KV_SYNC                        always, or interval=20ms: how soon what is acknowledged is on the disk (always)
//   BEAM_KV_COPY_LIMIT                  bytes a second that copies are made with (64MB); 0: no limit
//   BEAM_KV_ERASE_AFTER                 how long a copy that is wanted elsewhere now is kept (5m)
//   BEAM_KV_COORDINATOR                 etcd's endpoints, http://h1:2379,http://h2:2379, or `local`, a file of this host;
//                                       not set: as when the node last took part in its cluster, before that local
//   BEAM_KV_CLUSTER                     the cluster's name in etcd (kv)
//   BEAM_KV_COORDINATOR_CA, _CERT, _KEY files, for https
//   BEAM_KV_COORDINATOR_PASSWORD_FILE   two lines, user and password; of mode 0600
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/store.hpp"
#include "tools/kv/coordinator/open.hpp"

namespace kv {

/// Errors: `bad_engine`.
[[nodiscard]] beam::result<std::optional<beam::store::engine_type>> engine_setting();

/// How long what is acknowledged may not be on the disk; nothing: it is on the disk before. Errors: `bad_sync`.
[[nodiscard]] beam::result<std::optional<std::chrono::milliseconds>> sync_setting();
/// What a store of that engine does of it, as member::sync has it. LMDB has everything on the disk in any case.
[[nodiscard]] std::string sync_of(const beam::store::statistics& store);

/// Bytes a second; 0: no limit. Errors: `bad_copy_limit`.
[[nodiscard]] beam::result<std::uint64_t> copy_limit_setting();

/// Errors: `bad_erase_after`.
[[nodiscard]] beam::result<std::chrono::milliseconds> erase_after_setting();

/// For the node of that short name, which knows the cluster by that uuid (or none). `before` is what its store has of the
/// coordinator in which it last found that cluster (to_keep()), or nothing. What the environment says comes first; what it does not, is as it was,
/// if it is the same etcd.
/// Throws malformed_bytes.
[[nodiscard]] coordinator_options coordinator_setting(const std::string& node,
                                                      const std::string& uuid,
                                                      const std::string& before);

/// What coordinator_setting() reads back in a later life of the node: how to reach it, without passwords.
[[nodiscard]] std::string to_keep(const coordinator_options& options);

inline constexpr std::string_view local_coordinator = "local";
/// That, or etcd's endpoints as they were said.
[[nodiscard]] std::string name_of(const coordinator_options& options);
/// Where a cluster is, of what to_keep() gave: `local`, or the endpoints and the cluster's name there. Throws malformed_bytes.
[[nodiscard]] std::string place_of(const std::string& kept);

/// The same for etcd at these endpoints, whatever BEAM_KV_COORDINATOR says.
[[nodiscard]] etcd_options etcd_setting(const std::string& endpoints, const std::string& uuid);

}  // namespace kv
