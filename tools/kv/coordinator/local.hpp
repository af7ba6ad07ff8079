// The local coordinator: a file that all nodes of a host open.
//
// cluster.mdb in a folder holds all of it; a write transaction is the compare-and-swap, and its number the revision. A
// life of a node is proved by a lock (local_life.hpp): who sees it free writes into the file that this life has ended,
// in a transaction that looks at the lock again. So all see a death at one revision, and those that start later see it, too.
//
// A death is noticed by the member's pid (pidfd, which is readable when the process is gone), else at the next look.
// The pid is a hint; the lock is the proof.
#pragma once

#include <memory>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/open.hpp"

namespace kv {

/// Errors: `bad_file_system`, `corrupt`, `already_open`, `bad_options`, the system's. A file of another cluster than that known is told
/// by the calls.
[[nodiscard]] beam::result<std::unique_ptr<coordinator>> open_local(const local_options& options);

}  // namespace kv
