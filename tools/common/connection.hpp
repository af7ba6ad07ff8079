// One connection to a node's control socket: lines out, lines in, each with a deadline.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/deadline.hpp"
#include "tools/common/line_buffer.hpp"

namespace beam::tool {

enum class wait_result { done, timeout, closed, interrupted, too_long };

class connection {
public:
    static constexpr std::size_t line_max = 64 * 1024 * 1024;

    explicit connection(unique_fd fd);

    /// Sends all bytes, or says why not.
    [[nodiscard]] wait_result send(std::string_view bytes, deadline until);

    /// Waits for a whole line. `too_long`: the other side sent more than 64 MiB without a newline.
    [[nodiscard]] wait_result read_line(std::string& line, deadline until);

    /// A whole line that has arrived already, if there is one; reads once without waiting.
    [[nodiscard]] wait_result poll_line(std::optional<std::string>& line);

    [[nodiscard]] int fd() const { return fd_.get(); }

    /// Whether Ctrl-C ends a wait (the default). Off while a cancelled request's answer is awaited.
    bool heeds_interrupts = true;

private:
    [[nodiscard]] wait_result wait(short events, deadline until) const;
    [[nodiscard]] wait_result receive();

    unique_fd fd_;
    line_buffer lines_{line_max};
};

}  // namespace beam::tool
