// connection: a stream socket (Unix or TCP) that belongs to a process.
//
// A connection is a value with one owner. The process that last called activate(), read*(), write() or
// try_write() on it is the one that is told; to give it to another process, send it (it is move-only and
// may be part of a message). It is closed when it is destroyed, and so when its process dies.
//
// A connection is passive until it is told otherwise: it reads nothing, so a fast peer fills its own
// socket buffer and waits. Either ask for input (`co_await c.read_line()`), or let a number of messages
// come (`c.activate()` for one, as `{active, once}` in Erlang, `c.activate(100)`), which suits a server
// that must stay open to other messages. Do one or the other at a time.
//
//     beam::process serve(beam::self self, beam::io::connection c) {
//         for (;;) {
//             auto line = co_await c.read_line();
//             if (!line) co_return;                       // end of input, too long, reset
//             auto sent = co_await c.write(*line + "\n");  // waits while the peer does not read
//             if (!sent) co_return;
//         }
//     }
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/io/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::io {

namespace detail {
class stream;
}

class certificate;
class tls_context;

enum class framing : std::uint8_t {
    raw,   ///< `data` messages: bytes as they come
    line,  ///< `line` messages: what stands before each newline
};

struct stream_options {
    io::framing framing = io::framing::raw;  ///< of the messages that activate() lets come
    std::size_t line_max = 1 << 20;          ///< bytes of a line without its newline
    std::size_t chunk_max = 64 << 10;        ///< bytes of a `data` message
    /// Bytes that may wait for the peer before writers wait. One write may go beyond it.
    std::size_t output_max = 1 << 20;
    /// How long close() goes on sending what waits, and reading what nobody wants, so that the peer gets it
    /// all; 0: not at all.
    std::chrono::milliseconds linger{5000};
};

struct credentials {
    pid_t process = 0;
    uid_t user = 0;
    gid_t group = 0;
};

struct stream_statistics {
    std::uint64_t bytes_in = 0;   ///< with TLS: as the peer meant them
    std::uint64_t bytes_out = 0;  ///< taken by the kernel; with TLS: encrypted
    std::size_t waiting_in = 0;   ///< read and not yet handed on
    std::size_t waiting_out = 0;  ///< written and not yet taken by the kernel
};

/// A connection as data: what another OS process needs to go on with it.
struct connection_parts {
    unique_fd fd;
    std::string unread;     ///< read from the socket, not yet handed on
    std::string unwritten;  ///< written, not yet taken by the socket
    bool input_ended = false;
};

class BEAM_EXPORT connection {
public:
    /// None; false.
    connection() noexcept;
    connection(connection&&) noexcept;
    connection& operator=(connection&& other) noexcept;
    ~connection();  ///< close()

    /// Goes on with an open stream socket: inherited, received, or made by hand. What is in `parts.unread`
    /// is read first, `parts.unwritten` is written first.
    ///
    /// Errors: `enotsock` and what the system says, as its errno's name in lower case.
    [[nodiscard]] static result<connection> adopt(connection_parts parts,
                                                  const stream_options& options = {});
    [[nodiscard]] static result<connection> adopt(unique_fd fd, const stream_options& options = {});

    explicit operator bool() const { return stream_ != nullptr; }
    /// What its messages carry as `from`.
    [[nodiscard]] token id() const;

    // Input as messages.

    /// Lets `n` more data or line messages come, to the calling process; then end_of_input. After the first
    /// call the loss of the peer is told, too (end_of_output), without its being asked for.
    void activate(std::uint32_t n = 1);
    /// Lets none come. Those in the mailbox already stay there.
    void deactivate();
    void set_framing(io::framing f);
    void set_line_max(std::size_t bytes);

    // Input by asking. Errors of all: `eof` (what is left is given first), `timeout`, `closed` (by
    // close()), or why reading failed: `econnreset`, ...

    /// What there is, at least one byte.
    [[nodiscard]] awaitable<result<std::string>> read(timeout limit = infinity{});
    /// Exactly n bytes. Ended before: `eof`, and the rest stays to be read. The caller bounds n.
    [[nodiscard]] awaitable<result<std::string>> read_exactly(std::size_t n,
                                                              timeout limit = infinity{});
    /// A line without its newline; an unfinished one at the end counts. Also: `line_too_long`.
    [[nodiscard]] awaitable<result<std::string>> read_line(timeout limit = infinity{});

    /// Reads what there is into `to`, at most its size, without waiting and without a copy. Gives how many bytes;
    /// 0: nothing yet, and a `readable` message will come. Errors as above, but for `timeout`. The quickest way to read,
    /// for who has a buffer and other messages to wait for.
    [[nodiscard]] result<std::size_t> try_read(std::span<char> to);

    // Output. Errors of all: `closed` (close() or finish_output() was called), or why writing failed:
    // `epipe`, `econnreset`, ...

    /// Writes, and waits while more than output_max bytes wait for the peer. Returning says that the bytes
    /// are accepted, not that they arrived. Also: `timeout`; nothing of `bytes` was written then.
    [[nodiscard]] awaitable<result<void>> write(std::string bytes, timeout limit = infinity{});
    /// Writes all of `bytes` or nothing, and never waits. False: too much waits for the peer; a `writable`
    /// message will come.
    [[nodiscard]] result<bool> try_write(std::string_view bytes);
    /// Writes what the kernel takes at once, without a copy. Gives how many bytes; fewer than all: the rest is the caller's
    /// still, and a `writable` message will come. The counterpart of try_read(), for who has a buffer of its own. Not for
    /// pipes, and not while other output waits.
    [[nodiscard]] result<std::size_t> try_write_some(std::string_view bytes);
    /// The same with bytes that are in several places: one system call for 64 of them.
    [[nodiscard]] result<std::size_t> try_write_some(std::span<const std::string_view> pieces);
    /// The same for an answer to what was read: if other connections have input as well, it is sent when their owners had
    /// their turns, together with their answers. That costs less where many small requests come at once. It waits for
    /// few turns, a millisecond or two at worst, whatever this process or others do. What else is written to this
    /// connection goes behind it, and close() and finish_output() send it first.
    [[nodiscard]] result<bool> try_write_soon(std::string_view bytes);
    /// Of TCP: the kernel holds about so many bytes that are not sent, and no more, so that what is written next does not
    /// wait behind them. Between two sockets of one machine, where it would let several MB queue up unread, it holds as
    /// many at each end.
    void limit_queue(std::size_t bytes);
    /// Waits until the kernel has taken everything. Also: `timeout`.
    [[nodiscard]] awaitable<result<void>> flush(timeout limit = infinity{});
    /// Ends the output after what was written: the peer reads its end of input. Input goes on.
    void finish_output();

    // TLS (tls.hpp). Once it has begun, everything else waits for the handshake, which one of these does; then the connection
    // is used as before, its bytes encrypted. finish_output() and close() tell the peer the end; a peer's end that was not
    // told so is `tls_truncated`. It cannot be released any more.
    //
    // Errors: `tls_not_spoken`; `tls_bad_certificate` (the peer's is not accepted: the detail says why),
    // `tls_no_certificate`; `tls_refused` (says the peer, of our certificate as a rule; in TLS 1.3 a client may get it at its
    // first read only), `tls_failed`, `tls_truncated`; `timeout`, `closed`, `tls_begun`, `econnreset`, ... The connection is
    // then of no use: all that is asked of it has the same error.

    /// As the server.
    [[nodiscard]] awaitable<result<void>> accept_tls(tls_context context,
                                                     timeout limit = infinity{});
    /// As the client. The peer's certificate must be for `host`, a name or a numeric address; empty: whom it is for is not
    /// looked at. Where the context does not verify peers, nothing is.
    [[nodiscard]] awaitable<result<void>> connect_tls(tls_context context, std::string host = {},
                                                      timeout limit = infinity{});
    /// None without TLS, or where the peer has none.
    [[nodiscard]] certificate peer_certificate() const;
    /// Version and cipher, `TLSv1.3 TLS_AES_256_GCM_SHA384`; empty: without TLS, or not yet.
    [[nodiscard]] std::string tls_name() const;

    /// Sends what waits, in the background and for no longer than stream_options::linger, and closes.
    void close();
    /// Closes at once; what waits is lost, and a TCP peer sees a reset.
    void abort();

    /// Takes the connection apart for handing it over; it is empty afterwards. Messages that are in the
    /// mailbox already are the caller's to add in front of `unread`. One with TLS cannot be: it is closed, and `fd` is none.
    [[nodiscard]] connection_parts release();

    /// Who is at the other end of a Unix socket. Errors: as the system says.
    [[nodiscard]] result<credentials> peer_credentials() const;
    /// `127.0.0.1:80`, `[::1]:80`, a path, or "" (an unnamed Unix socket).
    [[nodiscard]] std::string peer_name() const;
    [[nodiscard]] std::string local_name() const;
    [[nodiscard]] stream_statistics statistics() const;

    /// For this layer.
    explicit connection(std::shared_ptr<detail::stream> s) noexcept;

private:
    std::shared_ptr<detail::stream> stream_;
};

/// Connects to a Unix socket. Waits in the dirty pool when the listener's queue is full.
///
/// Errors: `enoent`, `econnrefused`, `eacces`, ..., `path_too_long`, `timeout`.
[[nodiscard]] BEAM_EXPORT awaitable<result<connection>> connect_unix(std::string path,
                                                                     stream_options options = {},
                                                                     timeout limit = infinity{});

/// Connects to the first of the host's addresses that answers; TCP_NODELAY is set. A name is looked up in
/// the dirty pool.
///
/// Errors: `unknown_host`, `econnrefused`, `etimedout`, ..., `timeout`.
[[nodiscard]] BEAM_EXPORT awaitable<result<connection>> connect_tcp(std::string host,
                                                                    std::uint16_t port,
                                                                    stream_options options = {},
                                                                    timeout limit = infinity{});

}  // namespace beam::io
