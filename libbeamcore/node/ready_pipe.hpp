// Tells whoever started beamd how that went, once.
#pragma once

#include <string_view>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

/// The writing end of a pipe on which a starter waits: `ready`, or one line that says why not. With
/// no descriptor it does nothing.
class ready_pipe {
public:
    ready_pipe() = default;
    explicit ready_pipe(int fd) : fd_(fd) {}

    void ready() { say("ready\n"); }
    void failed(std::string_view why);

    /// Whether nothing was said yet.
    [[nodiscard]] bool is_pending() const { return static_cast<bool>(fd_); }

private:
    void say(std::string_view line);

    unique_fd fd_;
};

}  // namespace beam
