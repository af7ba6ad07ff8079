// The process of one RESP connection.
#pragma once

#include <chrono>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace kv {

struct client_options {
    /// How long a client may leave replies unread that have filled its socket and ours (1 MiB), until it is closed.
    std::chrono::milliseconds patience{10'000};
};

/// Reads commands and answers them until the client goes. Many are under way at once (command_window.hpp); what is
/// answered at the same time goes out in one write. Commands that have begun go on when the client has gone.
beam::process serve_client(beam::self me, beam::io::connection peer, client_options options);

}  // namespace kv
