// Runs a command for those tools that wrap one (`TOOL run NAME -- CMD`), as env(1) and timeout(1) do.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace beam::tool {

struct command_result {
    int exit = 0;         ///< its exit code; 128 + N if signal N ended it; 126, 127: not executed
    std::string why_not;  ///< why it was not executed, else empty
    bool was_executed = true;
    bool timed_out = false;  ///< it was ended because its time was over
    bool too_much = false;   ///< it was ended because it wrote more than output_max
    std::chrono::nanoseconds took{0};
};

struct command_options {
    std::optional<std::chrono::nanoseconds> limit = {};
    std::string* output =
        nullptr;  ///< takes what it writes to stdout, which then is not this process's
    std::size_t output_max = 0;  ///< bytes
};

/// Runs `words` (a program, found in PATH, and its arguments) with this process's stdin, stdout, stderr and
/// environment, and waits for its end; not for that of what it left running, which writes no more output then. When the
/// limit has passed, or it wrote too much, it gets SIGTERM, 2 s later SIGKILL; so do the processes that it left in its
/// group, where there is a limit and stdin is no terminal (there it gets no group of its own, or it could not
/// read). SIGTERM and SIGHUP to the tool go on to it; Ctrl-C is its business alone.
///
/// Throws a failure with exit 75 if no process can be made.
[[nodiscard]] command_result run_command(const std::vector<std::string>& words,
                                         const command_options& options = {});

}  // namespace beam::tool
