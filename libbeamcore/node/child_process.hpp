// Starting the runtime's process, and ending what it leaves behind.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/node/parent.hpp"

namespace beam {

struct child_process {
    pid_t pid = -1;
    unique_fd link;    ///< our end of the SOCK_SEQPACKET pair
    unique_fd output;  ///< what it writes to stdout and stderr
};

/// Forks and executes the runtime in a process group of its own (Ctrl-C reaches only the parent).
/// Errors: `cannot_start`.
[[nodiscard]] result<child_process> start_child_process(const parent_options& options,
                                                        int listen_fd, int lock_fd);

/// The children of this process.
[[nodiscard]] std::vector<pid_t> children_of_this_process();

/// Kills the process groups of all children of this process but `spared`: ports that a dead runtime
/// left to us as their subreaper. Waits for them, at most 200 ms. Returns how many there were.
int end_orphans(const std::vector<pid_t>& spared);

/// `exited with 3`, `killed by signal 11 (Segmentation fault)`.
[[nodiscard]] std::string describe_wait_status(int status);

}  // namespace beam
