// The registrar of `global`: registers and unregisters names on all nodes of the partition, one at a time, under the lock.
#pragma once

#include "libbeamcore/dist/internal/global/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist::detail {

/// Does what registrar_orders say and answers who asked. Ends with the name server, to which it is linked.
process run_registrar(self me, pid name_server);

}  // namespace beam::dist::detail
