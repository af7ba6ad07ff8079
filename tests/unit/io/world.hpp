// What the tests of io need of the real world: descriptors, plain sockets, other OS processes.
#pragma once

#include <dirent.h>
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/listener.hpp"
#include "tests/support/world.hpp"

namespace test {

using namespace std::chrono_literals;

/// Longer than anything here takes; a test that needs it has failed.
inline constexpr auto patience = std::chrono::seconds(60);

inline std::set<int> descriptors() {
    std::set<int> open;
    DIR* d = ::opendir("/proc/self/fd");
    while (const dirent* entry = ::readdir(d))
        if (entry->d_name[0] != '.') open.insert(std::atoi(entry->d_name));
    open.erase(::dirfd(d));
    ::closedir(d);
    return open;
}
inline std::size_t open_descriptors() {
    return descriptors().size();
}

/// A blocking client, as a stranger would write it.
class plain_client {
public:
    plain_client() = default;
    explicit plain_client(const std::string& path) {
        fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
        connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0;
    }
    bool connected() const { return connected_; }
    int fd() const { return fd_.get(); }
    void close() { fd_.reset(); }
    void finish() { ::shutdown(fd_.get(), SHUT_WR); }

    /// False: the other side is gone.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(std::size_t(n));
        }
        return true;
    }
    /// All that comes until the end.
    std::string receive_all() {
        std::string all;
        char buffer[65536];
        for (;;) {
            const auto n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
            if (n <= 0) return all;
            all.append(buffer, std::size_t(n));
        }
    }
    std::string receive(std::size_t n) {
        std::string all(n, 0);
        const auto got = ::recv(fd_.get(), all.data(), n, MSG_WAITALL);
        all.resize(got > 0 ? std::size_t(got) : 0);
        return all;
    }

private:
    beam::unique_fd fd_;
    bool connected_ = false;
};

/// A connected pair: ours, and a stranger's end.
struct pair {
    beam::io::connection ours;
    beam::unique_fd theirs;
};
inline pair make_pair(const beam::io::stream_options& options = {}) {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    auto c = beam::io::connection::adopt(beam::unique_fd(fds[0]), options);
    REQUIRE(c.has_value());
    return {*std::move(c), beam::unique_fd(fds[1])};
}
/// Options of a connection that is read line by line.
inline beam::io::stream_options lines(std::size_t max = 1 << 20) {
    beam::io::stream_options o;
    o.framing = beam::io::framing::line;
    o.line_max = max;
    return o;
}
inline bool put(int fd, std::string_view bytes) {
    return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == ssize_t(bytes.size());
}
inline std::string get(int fd, std::size_t n) {
    std::string all(n, 0);
    const auto got = ::recv(fd, all.data(), n, MSG_WAITALL);
    all.resize(got > 0 ? std::size_t(got) : 0);
    return all;
}

/// Another OS process, to be seen dying.
class watched_process {
public:
    explicit watched_process(pid_t p) : fd_(int(::syscall(SYS_pidfd_open, p, 0))) {}
    bool is_known() const { return bool(fd_); }
    /// True when it has ended, within the test's patience.
    bool ends() const {
        pollfd p{fd_.get(), POLLIN, 0};
        return ::poll(&p, 1, int(std::chrono::milliseconds(patience).count())) == 1;
    }
    bool lives() const {
        pollfd p{fd_.get(), POLLIN, 0};
        return ::poll(&p, 1, 0) == 0;
    }

private:
    beam::unique_fd fd_;
};

}  // namespace test
