// systemd's two small protocols, without its library: sd_notify(3) and sd_listen_fds(3).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace beam {

/// Sends states (`READY=1`) to the service manager named by NOTIFY_SOCKET, if there is one.
class sd_notify {
public:
    /// Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment, so
    /// that no child believes it is the service. After execve they are given again with arguments.
    [[nodiscard]] static sd_notify from_environment();

    void send(std::string_view state) const;

    /// How often WATCHDOG=1 is expected, if at all.
    [[nodiscard]] std::optional<std::chrono::microseconds> watchdog() const { return watchdog_; }
    [[nodiscard]] bool is_active() const { return !socket_.empty(); }

    /// Puts the variables back, for execve.
    void restore_environment() const;

private:
    std::string socket_;
    std::optional<std::chrono::microseconds> watchdog_;
};

/// The one listening socket that LISTEN_PID and LISTEN_FDS hand to this process, or -1. Takes the
/// variables out of the environment.
[[nodiscard]] int sd_listen_fd();

}  // namespace beam
