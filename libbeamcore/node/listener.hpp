// The listening control socket, as the parent owns it.
#pragma once

#include <sys/types.h>

#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

/// A Unix socket that listens at a path. Clients that connect while nobody accepts wait in its
/// queue. Close it with unlink_if_mine() first: a socket file outlives its socket.
class listener {
public:
    listener() = default;

    /// Unlinks what is at `path` (the caller holds the node's lock, so it is stale), binds with mode
    /// 0600 and listens. Errors: `path_too_long` (over 107 bytes), `cannot_listen`.
    [[nodiscard]] static result<listener> bind(const std::string& path);

    /// Takes a socket that listens already: systemd's, or our own after execve. Listens again, so
    /// that clients see this process as their peer. Errors: `not_a_listener`.
    [[nodiscard]] static result<listener> adopt(int fd, bool owns_path);

    /// Whether the socket file is still there and still this socket's.
    [[nodiscard]] bool is_in_place() const;

    /// Unlinks the socket file if it is still this socket's and was not made by somebody else.
    void unlink_if_mine();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool owns_path() const { return owns_path_; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    void remember_inode();

    unique_fd fd_;
    std::string path_;
    bool owns_path_ = true;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace beam
