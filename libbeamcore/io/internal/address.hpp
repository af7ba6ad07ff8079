// Socket addresses.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::io::detail {

struct socket_address {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::uint16_t port() const;
};

/// Errors: `path_too_long`.
[[nodiscard]] result<socket_address> unix_address(const std::string& path);
/// A numeric address. Errors: `bad_address`.
[[nodiscard]] result<socket_address> ip_address(const std::string& address, std::uint16_t port);

[[nodiscard]] socket_address address_of_socket(int fd, bool peer);
[[nodiscard]] inline std::string name_of_socket(int fd, bool peer) {
    return address_of_socket(fd, peer).to_string();
}

/// Whether both ends of an internet socket are on this machine.
[[nodiscard]] bool is_of_this_machine(int fd);

}  // namespace beam::io::detail
