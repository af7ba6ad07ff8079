#include "libbeamcore/node/listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace beam {
namespace {

// As many as the kernel allows (net.core.somaxconn): clients of a restarting node wait here.
constexpr int backlog = 4096;

}  // namespace

result<listener> listener::bind(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail("path_too_long",
                    path + ": " + std::to_string(path.size()) + " bytes, at most 107 are possible");
    std::memcpy(address.sun_path, path.data(), path.size());

    listener out;
    out.path_ = path;
    out.fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!out.fd_) return fail("cannot_listen", std::strerror(errno));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail("cannot_listen", path + ": " + std::strerror(errno));
    // Nobody can connect before listen(), so the mode is right in time.
    if (::bind(out.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::chmod(path.c_str(), 0600) != 0 || ::listen(out.fd(), backlog) != 0)
        return fail("cannot_listen", path + ": " + std::strerror(errno));
    out.remember_inode();
    return out;
}

result<listener> listener::adopt(int fd, bool owns_path) {
    listener out;
    out.owns_path_ = owns_path;
    sockaddr_un address{};
    socklen_t size = sizeof address;
    int accepts = 0;
    socklen_t accepts_size = sizeof accepts;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        address.sun_family != AF_UNIX ||
        ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &accepts_size) != 0 || accepts == 0)
        return fail("not_a_listener", "descriptor " + std::to_string(fd));
    out.fd_.reset(fd);
    if (size > offsetof(sockaddr_un, sun_path)) out.path_ = address.sun_path;
    if (::listen(fd, backlog) != 0) return fail("not_a_listener", std::strerror(errno));
    out.remember_inode();
    return out;
}

bool listener::is_in_place() const {
    struct stat there {};
    return ::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ && there.st_ino == inode_;
}

void listener::unlink_if_mine() {
    if (fd_ && owns_path_ && is_in_place()) ::unlink(path_.c_str());
}

void listener::remember_inode() {
    struct stat there {};
    if (::lstat(path_.c_str(), &there) != 0) return;
    device_ = there.st_dev;
    inode_ = there.st_ino;
}

}  // namespace beam
