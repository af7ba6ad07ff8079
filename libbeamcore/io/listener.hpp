// listener: a listening socket that belongs to a process, and accepts as many connections as that asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::io {

namespace detail {
class acceptor;
}

/// A new connection. It is passive, and closed if the message is dropped. Pass it on in a message of
/// your own; who receives it owns it.
struct accepted {
    token listener;
    connection peer;
};

/// Accepting failed: `emfile`, `enfile` (no descriptors left), `enomem`, ... The clients wait in the
/// socket's queue; it is tried again every 100 ms, and told once until it works again.
struct accept_failed {
    token listener;
    atom reason;
    BEAM_FIELDS(accept_failed, listener, reason)
};

struct listen_options {
    stream_options connections{};  ///< of what is accepted
    int backlog = 4096;            ///< the kernel's limit (net.core.somaxconn) applies
    unsigned mode = 0600;          ///< of a Unix socket's file
};

/// As with a connection: the process that last called activate() or accept() is told; destroying
/// closes, and unlinks the file of a Unix socket that listen_unix() made, if it is still that file.
class BEAM_EXPORT listener {
public:
    listener() noexcept;
    listener(listener&&) noexcept;
    listener& operator=(listener&& other) noexcept;
    ~listener();

    explicit operator bool() const { return acceptor_ != nullptr; }
    [[nodiscard]] token id() const;

    /// Lets `n` more connections come as `accepted` messages, to the calling process.
    void activate(std::uint32_t n = 1);
    void deactivate();
    /// Waits for the next connection. Errors: `timeout`, `closed`, `emfile`, `enfile`, ...
    [[nodiscard]] awaitable<result<connection>> accept(timeout limit = infinity{});

    void close();
    /// The descriptor, still listening; the listener is empty afterwards and no file is unlinked.
    [[nodiscard]] unique_fd release();

    /// As connection::local_name(); the port that the system chose stands here.
    [[nodiscard]] std::string local_name() const;
    /// 0 for a Unix socket.
    [[nodiscard]] std::uint16_t port() const;

    /// For this layer.
    explicit listener(std::shared_ptr<detail::acceptor> a) noexcept;

private:
    std::shared_ptr<detail::acceptor> acceptor_;
};

/// Listens at `path`, which must not exist. Errors: `path_too_long`, `eaddrinuse`, `eacces`, ...
[[nodiscard]] BEAM_EXPORT result<listener> listen_unix(const std::string& path,
                                                       const listen_options& options = {});

/// Listens at a numeric address; port 0 lets the system choose. SO_REUSEADDR is set.
/// Errors: `bad_address`, `eaddrinuse`, `eacces`, ...
[[nodiscard]] BEAM_EXPORT result<listener> listen_tcp(const std::string& address,
                                                      std::uint16_t port,
                                                      const listen_options& options = {});

/// Goes on with a socket that listens already: inherited (LISTEN_FDS, a parent process) or received. Its
/// file, if it has one, is somebody else's. Errors: `not_a_listener`.
[[nodiscard]] BEAM_EXPORT result<listener> adopt_listener(unique_fd fd,
                                                          const listen_options& options = {});

}  // namespace beam::io

BEAM_EXPORTED_DESCRIPTOR(beam::io::accepted);
BEAM_EXPORTED_DESCRIPTOR(beam::io::accept_failed);
