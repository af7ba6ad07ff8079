// beamd's parent process: small, single-threaded, and meant to outlive every crash of the runtime.
//
// It owns what must not be lost when the runtime dies: the node's lock, the listening socket with the
// clients that wait in it, the log file, and descriptors that the runtime asked it to keep. It starts
// the runtime as its child and starts it anew when it dies abnormally, within an intensity of its own:
// at once, but after a growing pause when it died within a second, again.
//
// Signals: SIGTERM, SIGINT stop (drain, then kill; a second one kills at once); SIGHUP reopens the log,
// reads configuration again and passes it on; SIGUSR1 makes a deleted socket file anew; SIGUSR2 restarts: the
// runtime drains, the parent becomes the beamd now on disk, and starts a runtime; clients wait.
// A deleted socket or lock file is also noticed by itself (inotify) and made anew.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/node/node_options.hpp"

namespace beam {

/// What was read again.
struct reread_settings {
    std::map<std::string, std::string> settings;  ///< for node_options::settings
    std::vector<std::string> remarks;             ///< for the log: what does not count, and why
};

struct parent_options {
    node_options node;
    /// Reads configuration again, for SIGHUP. Its error's detail goes to the log, and nothing changes.
    std::function<result<reread_settings>()> reread{};

    std::vector<std::string> child_command;  ///< program and arguments before child_arguments()
    std::vector<std::string> self_command;   ///< program and arguments for execve of the parent

    bool foreground = true;  ///< the log goes to stderr as well as to NAME.log
    int ready_fd = -1;       ///< where `ready`, or one line saying why not, is written

    /// More abnormal deaths of the runtime than this within the period, and the parent gives up.
    int intensity = 5;
    std::chrono::milliseconds period = std::chrono::seconds(10);

    std::chrono::milliseconds drain =
        std::chrono::seconds(10);  ///< a stop that takes longer is a kill
};

/// Set in the environment across an execve of the parent: it goes on rather than starts.
inline constexpr const char* parent_handover_variable = "BEAMD_HANDOVER";

/// Runs a node until it is stopped, and returns the exit code: 0 after an ordered stop, 1 when a node
/// of that name lives already, 69 or the runtime's own code when it could not boot, 70 when it died
/// too often, 73 or 78 when lock or socket could not be made. Blocks signals; call it in a process
/// with one thread. The node's folders exist already.
[[nodiscard]] int run_parent(const parent_options& options);

}  // namespace beam
