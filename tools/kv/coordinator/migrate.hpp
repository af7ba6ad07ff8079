// Moving a cluster from one coordinator to another, once: what a cluster on one host does when it is to span several.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/coordinator.hpp"

namespace kv {

/// Copies what is kept: description, stores, plan and records, but no members; these join again. Revisions are
/// the target's, epochs stay. `where` names the target to those who still ask the source.
///
/// The source is retired first, so that no change of a record is made there and not copied. If the target then does not
/// take the cluster, or we die, the source stays so until migrate() is called again, which goes on where it stopped, or
/// `from.retire("")` gives up. It is not given up here: somebody else may be at the same. Meanwhile nodes serve, but
/// nothing about their members can change. Nothing is done to a target that has another cluster; a call that finds all
/// done is a success.
///
/// Errors: those of both; `exists` (the target has one already), `no_cluster` (the source has none).
[[nodiscard]] beam::result<void> migrate(coordinator& from, coordinator& to,
                                         const std::string& where);

}  // namespace kv
