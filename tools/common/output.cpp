#include "tools/common/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "tools/common/failure.hpp"

namespace beam::tool {
namespace {

constexpr std::size_t buffer_max = 64 * 1024;

}  // namespace

void output::write(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= buffer_max) flush();
}

void output::line(std::string_view text) {
    buffer_ += text;
    write("\n");
}

void output::flush() {
    const auto pending = take();
    std::string_view left = pending;
    while (!left.empty()) {
        const auto n = ::write(fd_, left.data(), left.size());
        if (n >= 0) {
            left.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            // Somebody else made the shared descriptor non-blocking.
            pollfd waits{fd_, POLLOUT, 0};
            ::poll(&waits, 1, -1);
        } else if (errno != EINTR) {
            throw failure(exit_code::io_error,
                          std::string("cannot write the result: ") + std::strerror(errno));
        }
    }
}

std::string output::take() {
    return std::exchange(buffer_, {});
}

void reserve_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd)
        if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", O_RDONLY);
}

}  // namespace beam::tool
