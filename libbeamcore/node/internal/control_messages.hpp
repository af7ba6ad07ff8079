// What a connection, its requests, the acceptor and the lifecycle tell each other.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/runtime/detail/unit.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::control {

// Between a request that sends lossy items and its connection: how many are on their way, and how many
// were left out since the last one that was sent.
struct lossy_gate {
    static constexpr int in_flight_max = 64;
    std::atomic<int> in_flight{0};
    std::atomic<std::uint64_t> dropped{0};
};

/// To a new connection process: its socket.
struct take_over {
    io::connection peer;
};

/// From a request: its last line.
struct request_done {
    std::uint64_t key = 0;
    std::string line;
};

/// From a request: one line of a stream; answered when there is room for it.
struct stream_item {
    using reply = void;
    std::uint64_t key = 0;
    std::string line;
};

/// The same without an answer.
struct lossy_stream_item {
    std::uint64_t key = 0;
    std::string line;
    std::shared_ptr<lossy_gate> gate;
};

struct deadline_passed {
    std::uint64_t key = 0;
};

/// The node ends: finish what was begun, take nothing new.
struct drain {};

/// To the acceptor: accept no more; accept on another socket as well.
struct stop_accepting {};
struct accept_on {
    unique_fd fd;
};

/// To the lifecycle.
struct link_readable {};
/// What config.toml says now.
struct settings_reread {
    std::map<std::string, std::string> configured;
    BEAM_FIELDS(settings_reread, configured)
};
/// Once it is answered, nothing new is begun on any connection.
struct stop_node {
    using reply = void;
    std::string reason;
};
struct idle_check {};
/// The members of this node's cluster leave.
struct leave_with_fellows {
    std::string reason;
};
struct objections_heard {
    bool may_leave = false;
    std::string why;
};

}  // namespace beam::control
