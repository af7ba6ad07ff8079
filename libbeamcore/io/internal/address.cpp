#include "libbeamcore/io/internal/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace beam::io::detail {

namespace {
template <class T>
T as(const sockaddr_storage& storage) {
    T t{};
    std::memcpy(&t, &storage, sizeof t);
    return t;
}
}  // namespace

std::string socket_address::to_string() const {
    char text[INET6_ADDRSTRLEN] = "";
    switch (storage.ss_family) {
        case AF_INET: {
            const auto a = as<sockaddr_in>(storage);
            ::inet_ntop(AF_INET, &a.sin_addr, text, sizeof text);
            return std::string(text) + ":" + std::to_string(ntohs(a.sin_port));
        }
        case AF_INET6: {
            const auto a = as<sockaddr_in6>(storage);
            ::inet_ntop(AF_INET6, &a.sin6_addr, text, sizeof text);
            return "[" + std::string(text) + "]:" + std::to_string(ntohs(a.sin6_port));
        }
        case AF_UNIX: {
            const auto a = as<sockaddr_un>(storage);
            const std::size_t offset = offsetof(sockaddr_un, sun_path);
            if (size <= offset) return {};
            const std::size_t n = std::min<std::size_t>(size - offset, sizeof a.sun_path);
            // An abstract name begins with NUL, and is shown with @ as ss does.
            if (a.sun_path[0] == 0) return "@" + std::string(a.sun_path + 1, n - 1);
            return std::string(a.sun_path, ::strnlen(a.sun_path, n));
        }
        default:
            return {};
    }
}

std::uint16_t socket_address::port() const {
    if (storage.ss_family == AF_INET) return ntohs(as<sockaddr_in>(storage).sin_port);
    if (storage.ss_family == AF_INET6) return ntohs(as<sockaddr_in6>(storage).sin6_port);
    return 0;
}

result<socket_address> unix_address(const std::string& path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    if (path.size() >= sizeof a.sun_path)
        return fail("path_too_long",
                    path + ": " + std::to_string(path.size()) + " bytes, at most 107 are possible");
    std::memcpy(a.sun_path, path.data(), path.size());
    socket_address s;
    std::memcpy(&s.storage, &a, sizeof a);
    s.size = socklen_t(offsetof(sockaddr_un, sun_path) + path.size() + 1);
    return s;
}

result<socket_address> ip_address(const std::string& address, std::uint16_t port) {
    socket_address s;
    sockaddr_in v4{};
    if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&s.storage, &v4, sizeof v4);
        s.size = sizeof v4;
        return s;
    }
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&s.storage, &v6, sizeof v6);
        s.size = sizeof v6;
        return s;
    }
    return fail("bad_address", address + ": not a numeric address");
}

socket_address address_of_socket(int fd, bool peer) {
    socket_address s;
    s.size = sizeof s.storage;
    auto* a = reinterpret_cast<sockaddr*>(&s.storage);
    if ((peer ? ::getpeername(fd, a, &s.size) : ::getsockname(fd, a, &s.size)) != 0) return {};
    return s;
}

bool is_of_this_machine(int fd) {
    const socket_address here = address_of_socket(fd, false), there = address_of_socket(fd, true);
    if (here.storage.ss_family != there.storage.ss_family) return false;
    if (here.storage.ss_family == AF_INET) {
        const auto* a = reinterpret_cast<const sockaddr_in*>(&here.storage);
        const auto* b = reinterpret_cast<const sockaddr_in*>(&there.storage);
        return a->sin_addr.s_addr == b->sin_addr.s_addr;
    }
    if (here.storage.ss_family == AF_INET6) {
        const auto* a = reinterpret_cast<const sockaddr_in6*>(&here.storage);
        const auto* b = reinterpret_cast<const sockaddr_in6*>(&there.storage);
        return std::memcmp(&a->sin6_addr, &b->sin6_addr, sizeof a->sin6_addr) == 0;
    }
    return false;
}

}  // namespace beam::io::detail
