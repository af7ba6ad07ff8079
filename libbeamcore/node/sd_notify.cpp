#include "libbeamcore/node/sd_notify.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam {
namespace {

std::string take(const char* name) {
    const char* value = std::getenv(name);
    std::string out = value ? value : "";
    ::unsetenv(name);
    return out;
}

}  // namespace

sd_notify sd_notify::from_environment() {
    sd_notify out;
    out.socket_ = take("NOTIFY_SOCKET");
    const auto usec = take("WATCHDOG_USEC");
    const auto pid = take("WATCHDOG_PID");
    if (!usec.empty() && (pid.empty() || pid == std::to_string(::getpid()))) {
        const auto every = std::strtoll(usec.c_str(), nullptr, 10);
        if (every > 0) out.watchdog_ = std::chrono::microseconds(every);
    }
    return out;
}

void sd_notify::send(std::string_view state) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
             reinterpret_cast<sockaddr*>(&address), size);
}

void sd_notify::restore_environment() const {
    if (!socket_.empty()) ::setenv("NOTIFY_SOCKET", socket_.c_str(), 1);
    if (!watchdog_) return;
    ::setenv("WATCHDOG_USEC", std::to_string(watchdog_->count()).c_str(), 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
}

int sd_listen_fd() {
    const auto pid = take("LISTEN_PID");
    const auto count = take("LISTEN_FDS");
    ::unsetenv("LISTEN_FDNAMES");
    if (pid != std::to_string(::getpid()) || count != "1") return -1;
    constexpr int first = 3;
    ::fcntl(first, F_SETFD, FD_CLOEXEC);
    return first;
}

}  // namespace beam
