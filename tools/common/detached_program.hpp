// A program that goes on when the tool that started it has ended: a node.
#pragma once

#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/deadline.hpp"

namespace beam::tool {

/// Runs in a session of its own and is nobody's child, with stdin, stdout and stderr on /dev/null, cwd `/`, umask 077 and the
/// environment filtered for a node unless `keep_environment`. `--ready-fd N` is added to the arguments.
class detached_program {
public:
    /// Throws a failure: 69, 70 (no process, no descriptor).
    detached_program(const std::string& program, std::vector<std::string> arguments,
                     bool keep_environment);

    /// The line it wrote to the ready descriptor, `ready` if all is well; empty if it ended without a word. Throws a failure
    /// with exit 75 at the deadline, or `interrupted`.
    [[nodiscard]] std::string first_line(deadline until);

private:
    std::string name_;
    unique_fd answer_;
};

/// Starts it and waits for its line.
[[nodiscard]] std::string start_detached(const std::string& program,
                                         std::vector<std::string> arguments, bool keep_environment,
                                         deadline until);

/// The environment that a spawned node gets: PATH HOME LANG TZ TMPDIR CI XDG_* BEAM_*.
[[nodiscard]] std::vector<std::string> node_environment(char** environment);

}  // namespace beam::tool
