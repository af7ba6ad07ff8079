// Attach to a node, else start one: at most one node of a name, however many tools want it at once. Who names a member of the
// default cluster gets all of them started.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/deadline.hpp"
#include "tools/common/detached_program.hpp"

namespace beam::tool {

struct attach_options {
    std::string tool;    ///< who asks; the node's log and status say it
    std::string node;    ///< its socket is looked for in the runtime folder
    std::string socket;  ///< if given, exactly this socket and nothing else
    bool spawn = true;
    deadline until;
    std::string beamd;  ///< the program to start; empty: beside this tool's, then in PATH
};

/// A connection to the node's control socket, which may have been started for it. If it is a member of the default cluster all
/// members run then, and have joined.
///
/// Throws a failure: 69 (no node, and not allowed or not able to start one), 75 (it is starting,
/// stopping or too busy until the deadline), 73, 77, 78 (folder, path); or `interrupted`.
[[nodiscard]] unique_fd attach(const attach_options& options);

enum class connect_result { connected, absent, busy };

/// Connects to a socket. `absent`: no file, or nobody listens; `busy`: its queue was full until the
/// deadline. Throws a failure with exit 77 if that is not permitted.
[[nodiscard]] connect_result connect_to(const std::string& path, deadline until, unique_fd& fd);

enum class lock_state { free, held };

/// Whether a node's lock is held: a node of that name lives, starts or stops.
[[nodiscard]] lock_state look_at_lock(const std::string& path);

/// The beamd that a tool starts: beside its own executable, else in PATH, else empty.
[[nodiscard]] std::string find_beamd();

}  // namespace beam::tool
