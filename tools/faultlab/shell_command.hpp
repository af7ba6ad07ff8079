// Commands of the shell that a script runs: bounded, and gone with their whole group when their time is over.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/child_process.hpp"
#include "tools/common/deadline.hpp"

namespace faultlab {

/// How a command ended: its exit code, 128 and the signal's number, or nothing when its time was over (it
/// was killed then).
using command_result = std::optional<int>;

/// Runs `command` with sh, its output thrown away unless `shows_output`. Throws `interrupted` after Ctrl-C,
/// and a failure if sh cannot be started.
[[nodiscard]] command_result run_command(const std::string& command, bool shows_output,
                                         const beam::tool::deadline& until);

/// A command that goes on beside the script, with a pipe to its output. Told to end, and waited for, when
/// this is destroyed; told so by the kernel if the script is killed.
class background_command {
public:
    explicit background_command(const std::vector<std::string>& arguments);
    background_command(const background_command&) = delete;
    background_command& operator=(const background_command&) = delete;
    ~background_command();

    /// The next line that it writes; nothing at its end or when the time is over.
    [[nodiscard]] std::optional<std::string> read_line(const beam::tool::deadline& until);

private:
    beam::unique_fd output_;
    std::optional<beam::tool::child_process> child_;
    std::string unread_;
};

}  // namespace faultlab
