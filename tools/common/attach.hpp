// Attach to a node, else start one: at most one node of a name, however many tools want it at once.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/deadline.hpp"

namespace beam::tool {

struct attach_options {
    std::string tool;    ///< who asks; the node's log and status say it
    std::string node;    ///< its socket is looked for in the runtime folder
    std::string socket;  ///< if given, exactly this socket and nothing else
    bool spawn = true;
    deadline until;
    std::string beamd;  ///< the program to start; empty: beside this tool's, then in PATH
};

/// A connection to the node's control socket, which may have been started for it.
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

/// Starts a program in a session of its own that is nobody's child, with stdin, stdout and stderr on
/// /dev/null, cwd `/`, umask 077 and the environment filtered for a node unless `keep_environment`.
/// `--ready-fd N` is added to the arguments. Returns the line it wrote there, `ready` if all is well;
/// empty if it ended without a word. Throws a failure with exit 75 at the deadline, or `interrupted`.
[[nodiscard]] std::string start_detached(const std::string& program,
                                         std::vector<std::string> arguments, bool keep_environment,
                                         deadline until);

/// The environment that a spawned node gets: PATH HOME LANG TZ TMPDIR CI XDG_* BEAM_*.
[[nodiscard]] std::vector<std::string> node_environment(char** environment);

}  // namespace beam::tool
