// channel: the process that a connection belongs to, from the handshake's end to its own.
#pragma once

#include <chrono>
#include <string>

#include "libbeamcore/dist/handshake.hpp"
#include "libbeamcore/dist/internal/peers.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist::detail {

/// What a channel is made of.
struct established {
    peer* to = nullptr;
    std::uint64_t connection = 0;  ///< peer::up's
    io::connection socket;
    handshake_result agreed;
    std::string rest;  ///< read beyond the handshake
    std::chrono::milliseconds
        ticktime{};             ///< silence after which the peer is given up (net_ticktime)
    std::size_t atoms_max = 0;  ///< new atoms and nodes that it may bring
};

/// Carries frames both ways until the connection is lost or closed; then the peer is down.
[[nodiscard]] awaitable<void> run_channel(self me, peers* all, established what);

}  // namespace beam::dist::detail
