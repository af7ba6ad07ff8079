// A process that a tool starts and waits for: what those that wrap a command, and those that run some beside
// their work, have in common.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/deadline.hpp"

namespace beam::tool {

struct child_options {
    std::optional<int> input, output, error;  ///< become its 0, 1 and 2; those not said are ours
    bool own_group = false;                   ///< it leads a process group
    bool ends_with_us = false;      ///< the kernel sends it SIGTERM when this process is gone
    bool gets_descriptors = true;   ///< those above 2 that are not closed by exec
    std::function<void()> prepare;  ///< called in it before exec: only what is safe after fork
};

class child_process {
public:
    /// Starts `words`: a program, found in PATH, and its arguments. Throws a failure with exit 75 if no process
    /// can be made.
    child_process(const std::vector<std::string>& words, const child_options& options);
    child_process(child_process&&) noexcept = default;
    child_process& operator=(child_process&&) = delete;

    /// Waits until it is the program, and gives 0, or the errno of why it never will be (its exit code is 127 for
    /// ENOENT then, else 126).
    [[nodiscard]] int exec_error();

    /// Readable when it has ended.
    [[nodiscard]] int ended_fd() const { return ended_.get(); }
    [[nodiscard]] bool ends_by(deadline by) const;

    /// Its process, or, negative, its group: as kill(2) takes it.
    [[nodiscard]] pid_t target() const { return leads_group_ ? -pid_ : pid_; }
    void kill(int signal) const;

    /// Waits for its end. Its exit code; 128 + N if signal N ended it. Once.
    int reap();

private:
    pid_t pid_ = -1;
    bool leads_group_ = false;
    unique_fd ended_, exec_failure_;
};

}  // namespace beam::tool
