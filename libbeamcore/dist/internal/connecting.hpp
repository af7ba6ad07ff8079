// The processes that bring a connection about: they do the handshake and then are its channel.
#pragma once

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/dist/internal/tls_identity.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist::detail {

[[nodiscard]] process connect_to(self me, peers* all, connect_order order, options o, tls_use tls);
[[nodiscard]] process accept_from(self me, peers* all, io::connection c, options o, tls_use tls);

}  // namespace beam::dist::detail
