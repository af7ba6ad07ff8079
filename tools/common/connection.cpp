#include "tools/common/connection.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "tools/common/interrupt.hpp"

namespace beam::tool {

connection::connection(unique_fd fd) : fd_(std::move(fd)) {
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

wait_result connection::wait(short events, deadline until) const {
    for (;;) {
        pollfd waits[2] = {{fd_.get(), events, 0},
                           {heeds_interrupts ? interrupt_fd() : -1, POLLIN, 0}};
        const int n = ::poll(waits, 2, until.poll_timeout());
        if (n > 0 && waits[1].revents) return wait_result::interrupted;
        if (n > 0) return wait_result::done;
        if (n == 0 && until.is_over()) return wait_result::timeout;
        if (n < 0 && errno != EINTR) return wait_result::closed;
    }
}

wait_result connection::send(std::string_view bytes, deadline until) {
    while (!bytes.empty()) {
        const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            if (const auto w = wait(POLLOUT, until); w != wait_result::done) return w;
        } else if (errno != EINTR) {
            return wait_result::closed;
        }
    }
    return wait_result::done;
}

// done: something came.
wait_result connection::receive() {
    char buffer[64 * 1024];
    for (;;) {
        const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        if (n > 0) {
            lines_.append({buffer, static_cast<std::size_t>(n)});
            return wait_result::done;
        }
        if (n == 0) return wait_result::closed;
        if (errno == EAGAIN) return wait_result::timeout;
        if (errno != EINTR) return wait_result::closed;
    }
}

wait_result connection::read_line(std::string& line, deadline until) {
    for (;;) {
        if (auto next = lines_.next()) {
            line = std::move(*next);
            return wait_result::done;
        }
        if (lines_.is_too_long()) return wait_result::too_long;
        if (const auto w = wait(POLLIN, until); w != wait_result::done) return w;
        if (receive() == wait_result::closed) return wait_result::closed;
    }
}

wait_result connection::poll_line(std::optional<std::string>& line) {
    if ((line = lines_.next())) return wait_result::done;
    if (lines_.is_too_long()) return wait_result::too_long;
    if (receive() == wait_result::closed) return wait_result::closed;
    line = lines_.next();
    return lines_.is_too_long() ? wait_result::too_long : wait_result::done;
}

}  // namespace beam::tool
