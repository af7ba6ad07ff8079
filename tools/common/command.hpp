// Runs a command for those tools that wrap one (`TOOL run NAME -- CMD`), as env(1) and timeout(1) do.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace beam::tool {

struct command_result {
    int exit = 0;         ///< its exit code; 128 + N if signal N ended it; 126, 127: not executed
    std::string why_not;  ///< why it was not executed, else empty
    bool was_executed = true;
    bool timed_out = false;  ///< it was ended because its time was over
    std::chrono::nanoseconds took{0};
};

/// Runs `words` (a program, found in PATH, and its arguments) with this process's stdin, stdout, stderr and
/// environment, and waits for its end. When `limit` has passed it gets SIGTERM, 2 s later SIGKILL; so do
/// the processes that it left in its group, where stdin is no terminal (there it gets no group of its own,
/// or it could not read). SIGTERM and SIGHUP to the tool go on to it; Ctrl-C is its business alone.
///
/// Throws a failure with exit 75 if no process can be made.
[[nodiscard]] command_result run_command(const std::vector<std::string>& words,
                                         std::optional<std::chrono::nanoseconds> limit = {});

}  // namespace beam::tool
