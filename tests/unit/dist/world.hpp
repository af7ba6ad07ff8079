// What the tests of dist need of the real world: ports, plain TCP clients, several nodes in one OS process.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "libbeamcore/base/unique_fd.hpp"
#include "tests/support/world.hpp"

namespace test {

using namespace std::chrono_literals;

/// Longer than anything here takes; a test that needs it has failed.
inline constexpr auto patience = std::chrono::seconds(60);

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

/// A socket with a port of its own.
class tcp_listener {
public:
    tcp_listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        auto a = loopback(0);
        socklen_t size = sizeof a;
        REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
        REQUIRE(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&a), &size) == 0);
        port_ = ntohs(a.sin_port);
    }
    /// From now on one can connect; nobody accepts.
    void listen() { REQUIRE(::listen(fd_.get(), 16) == 0); }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    void close() { fd_.reset(); }

private:
    beam::unique_fd fd_;
    std::uint16_t port_ = 0;
};

/// A port that nobody listens at.
inline std::uint16_t free_port() {
    return tcp_listener().port();
}

/// A blocking TCP client, as a stranger would write it. Nothing waits longer than `patience`.
class tcp_client {
public:
    explicit tcp_client(std::uint16_t port) {
        fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto a = loopback(port);
        const timeval limit{patience.count(), 0};
        (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
    }
    bool connected() const { return connected_; }
    void close() { fd_.reset(); }
    void finish() { ::shutdown(fd_.get(), SHUT_WR); }
    bool send(std::string_view bytes) {
        return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == ssize_t(bytes.size());
    }
    /// Whether there is something to read, or the end, within that time.
    bool has_news(std::chrono::milliseconds limit = patience) {
        pollfd p{fd_.get(), POLLIN, 0};
        return ::poll(&p, 1, int(limit.count())) == 1;
    }
    std::string read_some() {
        char buffer[4096];
        REQUIRE(has_news());
        const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
        return n > 0 ? std::string(buffer, std::size_t(n)) : std::string();
    }
    /// At least that many bytes, or all until the end.
    std::string read_at_least(std::size_t n) {
        std::string all;
        // Also of a peer that says something now and then.
        const auto until = std::chrono::steady_clock::now() + patience;
        while (all.size() < n) {
            REQUIRE(std::chrono::steady_clock::now() < until);
            const auto more = read_some();
            if (more.empty()) break;
            all += more;
        }
        return all;
    }
    std::string read_all() { return read_at_least(SIZE_MAX); }

private:
    beam::unique_fd fd_;
    bool connected_ = false;
};

}  // namespace test
