// A node in this OS process, served over a real Unix socket, and clients that speak to it byte by byte.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/node/internal/boot.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace test {

using nlohmann::json;
using namespace std::chrono_literals;

// What never happens when all is well: how long a read waits before the test fails.
inline constexpr auto patience = 60s;

/// So many, or fewer where a sanitizer makes each of them slow and their number shows nothing new.
constexpr int many(int n) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return n / 10;
#else
    return n;
#endif
}

/// One connection to a node.
class client {
public:
    explicit client(const std::string& path)
        : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw std::runtime_error("connect " + path + ": " + std::strerror(errno));
    }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n < 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
            bytes.remove_prefix(std::size_t(n));
        }
    }
    void send(const json& j) { send(std::string_view(j.dump() + "\n")); }
    void send(const char* text) { send(std::string_view(text)); }
    void send(const std::string& text) { send(std::string_view(text)); }

    /// As much as the socket takes at once; false: the peer has closed.
    bool send_some(std::string_view& bytes) {
        while (!bytes.empty()) {
            const auto n =
                ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n < 0) return errno == EAGAIN;
            bytes.remove_prefix(std::size_t(n));
        }
        return true;
    }

    /// The next line; nothing at the end of input.
    std::optional<std::string> line() {
        for (;;) {
            if (const auto end = buffer_.find('\n'); end != std::string::npos) {
                std::string text = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return text;
            }
            if (!fill()) return {};
        }
    }
    json read() {
        auto text = line();
        if (!text) throw std::runtime_error("the node closed the connection");
        return json::parse(*text);
    }
    /// Sends a request and gives the next line, which is to be its answer.
    json ask(std::string_view method, json params = json::object()) {
        const int id = ++last_id_;
        send(json{{"id", id}, {"method", method}, {"params", std::move(params)}});
        json answer = read();
        CHECK(answer["id"] == id);
        return answer;
    }
    bool is_closed() {
        buffer_.clear();
        while (fill()) buffer_.clear();
        return true;
    }
    void finish_writing() { ::shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    bool fill() {
        pollfd wait{fd_.get(), POLLIN, 0};
        const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(patience).count();
        if (::poll(&wait, 1, int(limit)) == 0) throw std::runtime_error("the node says nothing");
        char chunk[65536];
        const auto n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
        if (n <= 0) return false;
        buffer_.append(chunk, std::size_t(n));
        return true;
    }

    beam::unique_fd fd_;
    std::string buffer_;
    int last_id_ = 1000;
};

/// A booted node.
class node {
public:
    explicit node(beam::node_settings settings = {}, beam::node_options options = {}) {
        ::setenv("BEAM_APPLICATIONS_PATH", BEAM_TEST_MODULES, 1);
        std::string name = "/tmp/beam-node-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        context.options = std::move(options);
        context.options.runtime_folder = folder_.string();
        context.options.state_folder = folder_.string();
        context.settings = settings;
        context.finish = [this](int code) {
            std::lock_guard lock(mutex_);
            if (!exit_code_) exit_code_ = code;
            finished_.notify_all();
        };
        listen();
        runtime = std::make_unique<beam::runtime>();
        booted = beam::boot_node(*runtime, context);
    }
    ~node() {
        runtime.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    node(const node&) = delete;
    node& operator=(const node&) = delete;

    [[nodiscard]] std::string socket() const { return context.options.socket_path(); }
    [[nodiscard]] client connect() const { return client(socket()); }
    /// Waits for the node's end.
    int exit_code() {
        std::unique_lock lock(mutex_);
        if (!finished_.wait_for(lock, patience, [&] { return exit_code_.has_value(); })) return -1;
        return *exit_code_;
    }
    [[nodiscard]] bool has_ended() {
        std::lock_guard lock(mutex_);
        return exit_code_.has_value();
    }
    /// Asks until the answer's result is `wanted`.
    void wait_until(std::string_view method, const json& wanted) {
        client c = connect();
        const auto end = std::chrono::steady_clock::now() + patience;
        while (c.ask(method)["result"] != wanted) REQUIRE(std::chrono::steady_clock::now() < end);
    }

    beam::node_context context;
    std::unique_ptr<beam::runtime> runtime;
    beam::result<void> booted;

private:
    void listen() {
        context.listen.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket().c_str(), sizeof address.sun_path - 1);
        REQUIRE(::bind(context.listen.get(), reinterpret_cast<sockaddr*>(&address),
                       sizeof address) == 0);
        REQUIRE(::listen(context.listen.get(), 128) == 0);
    }

    std::filesystem::path folder_;
    std::mutex mutex_;
    std::condition_variable finished_;
    std::optional<int> exit_code_;
};

}  // namespace test
