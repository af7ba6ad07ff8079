// The process of one RESP connection.
#pragma once

#include <chrono>
#include <cstddef>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace cache {

struct client_options {
    /// How long a client may leave replies unread that have filled its socket and ours (1 MiB), until it is closed.
    std::chrono::milliseconds patience{10'000};
};

/// Reads commands and answers them until the client goes. All commands that came at once are answered with one write.
beam::process serve_client(beam::self me, beam::io::connection peer, client_options options);

}  // namespace cache
