#include "libbeamcore/io/internal/acceptor.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "libbeamcore/io/internal/posix_error.hpp"
#include "libbeamcore/io/internal/stream.hpp"

namespace beam::io::detail {

namespace {

constexpr auto retry_after = std::chrono::milliseconds(100);
constexpr int accepted_a_turn = 64;

/// The client went away, or the network had a moment: the next one is asked for.
bool is_passing(int number) {
    switch (number) {
        case EINTR:
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH:
            return true;
        default:
            return false;
    }
}

}  // namespace

acceptor::acceptor(std::shared_ptr<service> s, const listen_options& options)
    : service_(std::move(s)),
      id_(next_token()),
      options_(options),
      fd_(service_->context()),
      retry_(service_->context()) {}

acceptor::~acceptor() {
    service_->remove(this);
}

result<void> acceptor::open(unique_fd fd, std::string path) {
    std::lock_guard lock(mutex_);
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    const int flags = ::fcntl(fd.get(), F_GETFL);
    if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0) return fail_posix(errno);
    std::error_code ec;
    fd_.assign(fd.get(), ec);
    if (ec) return fail_posix(ec.value());
    (void)fd.release();
    struct stat there {};
    if (!path.empty() && ::lstat(path.c_str(), &there) == 0) {
        path_ = std::move(path);
        device_ = there.st_dev;
        inode_ = there.st_ino;
    }
    service_->add(this, weak_from_this());
    return {};
}

int acceptor::native() const {
    std::lock_guard lock(mutex_);
    return fd_.is_open() ? const_cast<asio::posix::stream_descriptor&>(fd_).native_handle() : -1;
}

void acceptor::wait_for_client() {
    if (waiting_ || paused_ || !fd_.is_open() || (credit_ == 0 && !accepter_waits_)) return;
    waiting_ = true;
    fd_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](const std::error_code& ec) { self->on_client(ec); });
}

void acceptor::on_client(const std::error_code& ec) {
    std::lock_guard lock(mutex_);
    waiting_ = false;
    if (ec || !fd_.is_open()) return;
    if (accepter_waits_) {
        accepter_waits_ = false;
        service_->send(owner_, wake{id_, 0});
    }
    accept_some();
}

void acceptor::accept_some() {
    for (int n = 0; credit_ > 0 && n < accepted_a_turn; ++n) {
        int number = 0;
        auto c = accept_one(number);
        if (!c) {
            pause();
            if (!failure_told_) service_->send(owner_, accept_failed{id_, posix_atom(number)});
            failure_told_ = true;
            return;
        }
        if (!*c) break;
        failure_told_ = false;
        --credit_;
        service_->send(owner_, accepted{id_, **std::move(c)});
    }
    wait_for_client();
}

// Without a free descriptor the socket stays ready: waiting for it would spin.
void acceptor::pause() {
    paused_ = true;
    retry_.expires_after(retry_after);
    retry_.async_wait([self = shared_from_this()](const std::error_code& ec) {
        std::lock_guard lock(self->mutex_);
        if (ec || !self->fd_.is_open()) return;
        self->paused_ = false;
        self->accept_some();
    });
}

// Nothing: no client waits.
result<std::optional<connection>> acceptor::accept_one(int& number) {
    for (;;) {
        unique_fd fd(
            ::accept4(fd_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) {
            number = errno;
            if (number == EAGAIN) return std::nullopt;
            if (is_passing(number)) continue;
            return fail_posix(number);
        }
        const int on = 1;
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on,
                     sizeof on);  // refused by Unix sockets
        auto s = std::make_shared<stream>(service_, stream::kind::socket, next_token(), 0,
                                          options_.connections);
        connection_parts parts;
        parts.fd = std::move(fd);
        if (auto opened = s->open(std::move(parts)); !opened) {
            number = ENOMEM;
            return pass(opened);
        }
        return connection(std::move(s));
    }
}

void acceptor::activate(pid owner, std::uint32_t n) {
    std::lock_guard lock(mutex_);
    owner_ = owner;
    credit_ += std::min(n, UINT32_MAX - credit_);
    wait_for_client();
}

void acceptor::deactivate() {
    std::lock_guard lock(mutex_);
    credit_ = 0;
}

result<std::optional<connection>> acceptor::try_accept(pid owner) {
    std::lock_guard lock(mutex_);
    if (!fd_.is_open()) return fail("closed");
    owner_ = owner;
    int number = 0;
    auto c = accept_one(number);
    if (!c || *c) return c;
    accepter_waits_ = true;
    wait_for_client();
    return std::nullopt;
}

void acceptor::cancel_wake() {
    std::lock_guard lock(mutex_);
    accepter_waits_ = false;
}

void acceptor::close() {
    std::lock_guard lock(mutex_);
    close_now();
}

void acceptor::close_now() {
    if (!fd_.is_open()) return;
    credit_ = 0;
    accepter_waits_ = false;
    retry_.cancel();
    if (!path_.empty()) {
        struct stat there {};
        if (::lstat(path_.c_str(), &there) == 0 && there.st_dev == device_ &&
            there.st_ino == inode_)
            ::unlink(path_.c_str());
    }
    std::error_code ignored;
    fd_.close(ignored);
}

unique_fd acceptor::release() {
    std::lock_guard lock(mutex_);
    if (!fd_.is_open()) return {};
    path_.clear();
    unique_fd fd(fd_.release());
    close_now();
    return fd;
}

}  // namespace beam::io::detail
