#include "libbeamcore/io/listener.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "libbeamcore/io/internal/acceptor.hpp"
#include "libbeamcore/io/internal/address.hpp"
#include "libbeamcore/io/internal/posix_error.hpp"
#include "libbeamcore/io/internal/wait.hpp"

namespace beam::io {

using detail::acceptor;

listener::listener() noexcept = default;
listener::listener(std::shared_ptr<acceptor> a) noexcept : acceptor_(std::move(a)) {}
listener::listener(listener&&) noexcept = default;
listener& listener::operator=(listener&& other) noexcept {
    std::swap(acceptor_, other.acceptor_);
    return *this;
}
listener::~listener() {
    close();
}

token listener::id() const {
    return acceptor_ ? acceptor_->id() : token{};
}
void listener::activate(std::uint32_t n) {
    if (acceptor_) acceptor_->activate(this_process().id(), n);
}
void listener::deactivate() {
    if (acceptor_) acceptor_->deactivate();
}

namespace {
awaitable<result<connection>> accept_from(std::shared_ptr<acceptor> a, timeout limit) {
    if (!a) co_return fail("closed");
    const detail::deadline until(limit);
    for (;;) {
        auto c = a->try_accept(this_process().id());
        if (!c) co_return pass(c);
        if (*c) co_return **std::move(c);
        auto woken = co_await detail::wait_for_wake(a->id(), 0, until.left());
        if (woken) continue;
        a->cancel_wake();
        (void)co_await detail::wait_for_wake(a->id(), 0, std::chrono::milliseconds(0));
        co_return fail("timeout");
    }
}
}  // namespace

awaitable<result<connection>> listener::accept(timeout limit) {
    return accept_from(acceptor_, limit);
}

void listener::close() {
    if (auto a = std::move(acceptor_)) a->close();
}
unique_fd listener::release() {
    auto a = std::move(acceptor_);
    return a ? a->release() : unique_fd();
}
std::string listener::local_name() const {
    return acceptor_ ? detail::name_of_socket(acceptor_->native(), false) : std::string();
}
std::uint16_t listener::port() const {
    return acceptor_ ? detail::address_of_socket(acceptor_->native(), false).port() : 0;
}

namespace {

result<listener> open_listener(unique_fd fd, std::string path, const listen_options& options) {
    auto a = std::make_shared<acceptor>(detail::service::current(), options);
    if (auto r = a->open(std::move(fd), std::move(path)); !r) return pass(r);
    return listener(std::move(a));
}

}  // namespace

result<listener> listen_unix(const std::string& path, const listen_options& options) {
    auto address = detail::unix_address(path);
    if (!address) return pass(address);
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return detail::fail_posix(errno);
    if (::bind(fd.get(), address->get(), address->size) != 0)
        return detail::fail_posix(errno, path);
    // Nobody can connect before listen(), so the mode is right in time.
    if (::chmod(path.c_str(), options.mode) != 0 || ::listen(fd.get(), options.backlog) != 0) {
        const int number = errno;
        ::unlink(path.c_str());
        return detail::fail_posix(number, path);
    }
    return open_listener(std::move(fd), path, options);
}

result<listener> listen_tcp(const std::string& address, std::uint16_t port,
                            const listen_options& options) {
    auto a = detail::ip_address(address, port);
    if (!a) return pass(a);
    unique_fd fd(::socket(a->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return detail::fail_posix(errno);
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), a->get(), a->size) != 0 || ::listen(fd.get(), options.backlog) != 0)
        return detail::fail_posix(errno, a->to_string());
    return open_listener(std::move(fd), {}, options);
}

result<listener> adopt_listener(unique_fd fd, const listen_options& options) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0)
        return fail("not_a_listener", "descriptor " + std::to_string(fd.get()));
    return open_listener(std::move(fd), {}, options);
}

}  // namespace beam::io
