// The locker of `global`: locks this node's partition and another's, so that they can become one.
//
// With each node that is new it agrees on a lock, `{global, sorted lockers}`, that is set on all nodes of both
// partitions, the boss first. Whoever has set his half tells the other locker, which sets its own and answers. While
// both are locked the name servers exchange names; then they cancel, and the lock is taken back.
#pragma once

#include "libbeamcore/dist/internal/global/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist::detail {

/// Ends with the name server, to which it is linked.
process run_locker(self me, pid name_server);

}  // namespace beam::dist::detail
