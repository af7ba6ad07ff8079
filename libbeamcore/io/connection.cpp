#include "libbeamcore/io/connection.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "libbeamcore/io/internal/address.hpp"
#include "libbeamcore/io/internal/posix_error.hpp"
#include "libbeamcore/io/internal/stream.hpp"
#include "libbeamcore/io/internal/wait.hpp"
#include "libbeamcore/io/tls.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::io {

using detail::stream;

namespace {

result<connection> make_connection(connection_parts parts, const stream_options& options) {
    auto s = std::make_shared<stream>(detail::service::current(), stream::kind::socket,
                                      detail::next_token(), 0, options);
    if (auto r = s->open(std::move(parts)); !r) return pass(r);
    return connection(std::move(s));
}

awaitable<result<void>> start_tls(std::shared_ptr<stream> s,
                                  std::unique_ptr<detail::tls_session> tls, timeout limit) {
    if (!s) co_return fail("closed");
    if (auto begun = s->begin_tls(std::move(tls)); !begun) co_return pass(begun);
    auto handshake = detail::do_tls_handshake(s, limit);
    co_return co_await handshake;
}

}  // namespace

connection::connection() noexcept = default;
connection::connection(std::shared_ptr<stream> s) noexcept : stream_(std::move(s)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
}
connection::~connection() {
    close();
}

result<connection> connection::adopt(connection_parts parts, const stream_options& options) {
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(parts.fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0)
        return detail::fail_posix(errno, "descriptor " + std::to_string(parts.fd.get()));
    if (type != SOCK_STREAM) return fail("enotsock", "not a stream socket");
    return make_connection(std::move(parts), options);
}

result<connection> connection::adopt(unique_fd fd, const stream_options& options) {
    connection_parts parts;
    parts.fd = std::move(fd);
    return adopt(std::move(parts), options);
}

token connection::id() const {
    return stream_ ? stream_->id() : token{};
}

void connection::activate(std::uint32_t n) {
    if (stream_) stream_->activate(this_process().id(), n);
}
void connection::deactivate() {
    if (stream_) stream_->deactivate();
}
void connection::set_framing(framing f) {
    if (stream_) stream_->set_framing(f);
}
void connection::set_line_max(std::size_t bytes) {
    if (stream_) stream_->set_line_max(bytes);
}

awaitable<result<std::string>> connection::read(timeout limit) {
    return detail::read_from(stream_, stream::want::some, 0, limit);
}
awaitable<result<std::string>> connection::read_exactly(std::size_t n, timeout limit) {
    return detail::read_from(stream_, stream::want::exactly, n, limit);
}
awaitable<result<std::string>> connection::read_line(timeout limit) {
    return detail::read_from(stream_, stream::want::line, 0, limit);
}
result<std::size_t> connection::try_read(std::span<char> to) {
    if (!stream_) return fail("closed");
    auto got = stream_->try_read(this_process().id(), to);
    this_process().bump_reductions(detail::cost_of(got ? *got : 0));
    return got;
}
awaitable<result<void>> connection::write(std::string bytes, timeout limit) {
    return detail::write_to(stream_, std::move(bytes), limit);
}
result<bool> connection::try_write(std::string_view bytes) {
    if (!stream_) return fail("closed");
    this_process().bump_reductions(detail::cost_of(bytes.size()));
    return stream_->try_write(this_process().id(), bytes, stream::when_full::tell);
}

result<std::size_t> connection::try_write_some(std::string_view bytes) {
    return try_write_some(std::span(&bytes, 1));
}
result<std::size_t> connection::try_write_some(std::span<const std::string_view> pieces) {
    if (!stream_) return fail("closed");
    auto written = stream_->try_write_some(this_process().id(), pieces);
    this_process().bump_reductions(detail::cost_of(written ? *written : 0));
    return written;
}
result<bool> connection::try_write_soon(std::string_view bytes) {
    if (!stream_) return fail("closed");
    this_process().bump_reductions(detail::cost_of(bytes.size()));
    return stream_->try_write(this_process().id(), bytes, stream::when_full::tell,
                              stream::when_sent::soon);
}
void connection::limit_queue(std::size_t bytes) {
    if (!stream_) return;
    const int fd = stream_->native(), size = int(bytes);
    ::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &size, sizeof size);
    if (!detail::is_of_this_machine(fd)) return;
    const int half = size / 2;  // the kernel counts what it needs for itself as well
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &half, sizeof half);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &half, sizeof half);
}
awaitable<result<void>> connection::flush(timeout limit) {
    return detail::flush(stream_, limit);
}
void connection::finish_output() {
    if (stream_) stream_->finish_output();
}

void connection::close() {
    if (auto s = std::move(stream_)) s->close();
}
void connection::abort() {
    if (auto s = std::move(stream_)) s->abort();
}

awaitable<result<void>> connection::accept_tls(tls_context context, timeout limit) {
    using detail::tls_session;
    return start_tls(stream_, std::make_unique<tls_session>(context, tls_session::side::server, ""),
                     limit);
}
awaitable<result<void>> connection::connect_tls(tls_context context, std::string host,
                                                timeout limit) {
    using detail::tls_session;
    return start_tls(
        stream_, std::make_unique<tls_session>(context, tls_session::side::client, host), limit);
}
certificate connection::peer_certificate() const {
    return stream_ ? stream_->peer_certificate() : certificate();
}
std::string connection::tls_name() const {
    return stream_ ? stream_->tls_name() : std::string();
}

connection_parts connection::release() {
    auto s = std::move(stream_);
    return s ? s->release() : connection_parts{};
}

result<credentials> connection::peer_credentials() const {
    if (!stream_) return fail("closed");
    ucred c{};
    socklen_t size = sizeof c;
    if (::getsockopt(stream_->native(), SOL_SOCKET, SO_PEERCRED, &c, &size) != 0)
        return detail::fail_posix(errno);
    if (c.pid == 0 && c.uid == uid_t(-1)) return fail("eopnotsupp", "not a Unix socket");
    return credentials{c.pid, c.uid, c.gid};
}

std::string connection::peer_name() const {
    return stream_ ? detail::name_of_socket(stream_->native(), true) : std::string();
}
std::string connection::local_name() const {
    return stream_ ? detail::name_of_socket(stream_->native(), false) : std::string();
}
stream_statistics connection::statistics() const {
    return stream_ ? stream_->statistics() : stream_statistics{};
}

// Connecting.

namespace {

// A Unix socket whose listener's queue is full says EAGAIN and cannot be waited for; blocking can.
result<unique_fd> connect_unix_slowly(const sockaddr_un& address, timeout limit) {
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return detail::fail_posix(errno);
    // An owner that dies meanwhile leaves this thread busy: for ever is not long.
    auto longest = std::chrono::nanoseconds(std::chrono::seconds(60));
    if (!limit.is_infinite()) longest = std::min(longest, limit.duration());
    timeval t{};
    t.tv_sec = longest.count() / 1'000'000'000;
    t.tv_usec = std::max<suseconds_t>(1, longest.count() % 1'000'000'000 / 1000);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    int r;
    do r = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    while (r != 0 && errno == EINTR);
    if (r != 0) {
        if (errno == EAGAIN) return fail("timeout", "the listener's queue is full");
        return detail::fail_posix(errno, address.sun_path);
    }
    t = {};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    return fd;
}

struct resolved {
    std::vector<detail::socket_address> addresses;
    int error = 0;
};

resolved resolve(const std::string& host, std::uint16_t port, bool numeric) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = numeric ? AI_NUMERICHOST | AI_NUMERICSERV : AI_NUMERICSERV | AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    resolved r;
    r.error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (r.error != 0) return r;
    for (addrinfo* a = found; a; a = a->ai_next) {
        detail::socket_address s;
        std::memcpy(&s.storage, a->ai_addr, a->ai_addrlen);
        s.size = a->ai_addrlen;
        r.addresses.push_back(s);
    }
    ::freeaddrinfo(found);
    return r;
}

awaitable<result<connection>> connect_to(detail::socket_address address, stream_options options,
                                         timeout limit) {
    unique_fd fd(
        ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) co_return detail::fail_posix(errno);
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int r = ::connect(fd.get(), address.get(), address.size);
    const int number = errno;
    if (r != 0 && number != EINPROGRESS && number != EINTR)
        co_return detail::fail_posix(number, address.to_string());
    auto s = std::make_shared<stream>(detail::service::current(), stream::kind::socket,
                                      detail::next_token(), 0, options);
    connection c(s);
    connection_parts parts;
    parts.fd = std::move(fd);
    if (auto opened = s->open(std::move(parts)); !opened) co_return pass(opened);
    if (r != 0) s->set_connecting();
    auto connected = co_await detail::wait_connected(s, limit);
    if (!connected) {
        error e = connected.error();
        if (e.detail.empty()) e.detail = address.to_string();
        co_return tl::unexpected<error>(std::move(e));
    }
    co_return std::move(c);
}

}  // namespace

awaitable<result<connection>> connect_unix(std::string path, stream_options options,
                                           timeout limit) {
    auto address = detail::unix_address(path);
    if (!address) co_return pass(address);
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) co_return detail::fail_posix(errno);
    if (::connect(fd.get(), address->get(), address->size) != 0) {
        if (errno != EAGAIN) co_return detail::fail_posix(errno, path);
        sockaddr_un plain{};
        std::memcpy(&plain, &address->storage, sizeof plain);
        auto job = blocking([plain, limit] { return connect_unix_slowly(plain, limit); });
        result<unique_fd> slow = co_await job;
        if (!slow) co_return pass(slow);
        fd = *std::move(slow);
    }
    connection_parts parts;
    parts.fd = std::move(fd);
    co_return make_connection(std::move(parts), options);
}

awaitable<result<connection>> connect_tcp(std::string host, std::uint16_t port,
                                          stream_options options, timeout limit) {
    const detail::deadline until(limit);
    resolved r = resolve(host, port, true);
    if (r.error != 0) {
        auto job = blocking([host, port] { return resolve(host, port, false); });
        resolved looked_up = co_await job;
        r = std::move(looked_up);
    }
    if (r.error != 0 || r.addresses.empty())
        co_return fail("unknown_host", host + ": " + ::gai_strerror(r.error));
    result<connection> last = fail("timeout");
    for (const auto& address : r.addresses) {
        auto attempt = connect_to(address, options, until.left());
        result<connection> c = co_await attempt;
        last = std::move(c);
        if (last || last.error().is("timeout")) break;
    }
    co_return std::move(last);
}

}  // namespace beam::io
