#include "libbeamcore/io/internal/stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>
#include <utility>

#include "libbeamcore/io/internal/posix_error.hpp"

namespace beam::io::detail {

namespace {

constexpr std::size_t inline_read = 16 << 10;
constexpr std::size_t read_at_once = 64 << 10;
// What one connection may discard before others have their turn.
constexpr std::size_t bytes_a_turn = 1 << 20;

atom too_long_atom() {
    static const atom a("line_too_long");
    return a;
}

}  // namespace

stream::stream(std::shared_ptr<service> s, kind k, token id, int number,
               const stream_options& options)
    : service_(std::move(s)), id_(id), number_(number), kind_(k), options_(options) {}

stream::~stream() {
    service_->remove(this);
}

result<void> stream::open(connection_parts parts) {
    locked lock(mutex_);
    const int flags = ::fcntl(parts.fd.get(), F_GETFL);
    if (flags < 0) return fail_posix(errno);
    if (!(flags & O_NONBLOCK) && ::fcntl(parts.fd.get(), F_SETFL, flags | O_NONBLOCK) != 0)
        return fail_posix(errno);
    ::fcntl(parts.fd.get(), F_SETFD, FD_CLOEXEC);
    auto watched = service_->streams().add(parts.fd.get(), weak_from_this());
    if (!watched) return pass(watched);
    watched_ = *watched;
    fd_ = std::move(parts.fd);
    in_.append(parts.unread);
    out_.append(parts.unwritten);
    if (parts.input_ended) end_input(atoms::eof);
    if (out_.size() > 0) start_writing();
    service_->add(this, weak_from_this());
    return {};
}

int stream::native() const {
    locked lock(mutex_);
    return fd_.get();
}

// Waiting. What is wanted is a flag; events find out under the lock whether it still is.

void stream::start_reading() {
    if (reading_ || phase_ == phase::closed) return;
    reading_ = true;
    if (readable_ || end_when_empty_) look_again();
}

// The edge came before somebody wanted to know. Told from here, a reader could be told in its own question.
void stream::look_again() {
    if (looks_) return;
    looks_ = true;
    asio::post(service_->context(), [self = shared_from_this()] {
        locked lock(self->mutex_);
        self->looks_ = false;
        self->take_events(EPOLLIN);
    });
}

void stream::start_writing() {
    if (writing_ || phase_ == phase::closed) return;
    writing_ = true;
    service_->streams().watch_output(watched_, fd_.get(), true);
}

// A peer that is gone is noticed although nobody reads or writes.
void stream::watch_hang_up() {
    if (watching_ || hung_up_ || kind_ != kind::socket || phase_ != phase::open ||
        output_error_ != 0 || output_finished_)
        return;
    watching_ = true;
    // It may be gone already, and the edge with it.
    if (ended_) on_hang_up();
}

void stream::on_events(std::uint32_t events) {
    // A pipe without a reader raises SIGPIPE: only the I/O thread, which blocks it, writes to pipes.
    if (kind_ == kind::pipe) {
        asio::post(service_->context(), [self = shared_from_this(), events] {
            locked lock(self->mutex_);
            self->take_events(events);
        });
        return;
    }
    locked lock(mutex_);
    take_events(events);
}

void stream::take_events(std::uint32_t events) {
    if (phase_ == phase::closed) return;
    constexpr std::uint32_t ends = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
    if (events & ends) ended_ = true;
    if (events & (EPOLLIN | ends)) {
        readable_ = true;
        if (reading_) {
            reading_ = false;
            on_readable();
        }
    }
    if (writing_ && events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
        writing_ = false;
        on_writable();
        // Else each time that the peer reads would be an event.
        if (!writing_ && phase_ != phase::closed)
            service_->streams().watch_output(watched_, fd_.get(), false);
    }
    if (watching_ && events & (EPOLLHUP | EPOLLERR)) on_hang_up();
}

void stream::on_readable() {
    if (phase_ == phase::lingering) {
        discard();
        return;
    }
    if (!wants_input()) return;
    if (tls_ && !tls_->is_open()) {
        // The handshake is done by who waits for it.
        if (reader_waits_) wake_reader();
        return;
    }
    // Who asked by try_read() has a buffer of its own.
    if (std::exchange(readable_message_due_, false)) service_->send(owner_, readable{id_});
    if (!wants_input()) return;
    const std::size_t before = in_.size();
    fill();
    if (reader_waits_ && (in_.size() != before || input_ended_)) wake_reader();
    deliver();
    if (wants_input()) start_reading();
}

void stream::on_writable() {
    if (!connecting_) {
        drain();
        return;
    }
    pollfd p{fd_.get(), POLLOUT, 0};
    if (::poll(&p, 1, 0) == 0) {
        start_writing();
        return;
    }
    connecting_ = false;
    socklen_t size = sizeof output_error_;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &output_error_, &size);
    wake_writer();
}

void stream::on_hang_up() {
    pollfd p{fd_.get(), 0, 0};
    ::poll(&p, 1, 0);
    if (!(p.revents & (POLLHUP | POLLERR))) return;
    watching_ = false;
    hung_up_ = true;
    int number = 0;
    socklen_t size = sizeof number;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &number, &size);
    // Asking took the error away: reading would end as if orderly.
    if (number != 0) end_reason_ = posix_atom(number);
    output_failed(number != 0 ? number : EPIPE);
}

// Input.

std::ptrdiff_t stream::read_once(char* to, std::size_t n) {
    return tls_ ? read_decrypted(to, n) : receive(to, n);
}

std::ptrdiff_t stream::receive(char* to, std::size_t n) {
    for (;;) {
        // By syscall(), since nobody cancels these threads: libc's own are points where that may happen, for two locked
        // instructions each. A socket is read a little quicker as one than as a file.
        const auto got = kind_ == kind::socket
                             ? ::syscall(SYS_recvfrom, fd_.get(), to, n, 0, nullptr, nullptr)
                             : ::read(fd_.get(), to, n);
        if (got >= 0 || errno != EINTR) return got;
    }
}

void stream::fill() {
    char buffer[read_at_once];
    read_into(buffer, sizeof buffer);
}

void stream::read_into(char* buffer, std::size_t size) {
    size = std::min(size, options_.chunk_max);
    const auto n = read_once(buffer, size);
    if (n > 0) in_.append(std::string_view(buffer, std::size_t(n)));
    note_read(n, size);
}

// What a read says about what is left.
void stream::note_read(std::ptrdiff_t n, std::size_t wanted) {
    // With less than was asked for all has been read, unless the end comes behind it.
    readable_ = n >= std::ptrdiff_t(wanted) || (n > 0 && ended_);
    if (n > 0) {
        bytes_in_ += std::uint64_t(n);
    } else if (n < 0 && errno != EAGAIN) {
        end_input(read_failure());
    } else if (n == 0 || end_when_empty_) {
        end_input(end_reason_);  // `eof`, or what a hang-up had to say
    }
}

void stream::end_input(atom reason) {
    if (input_ended_) return;
    input_ended_ = true;
    end_reason_ = reason;
}

atom stream::read_failure() const {
    return tls_ && tls_->has_failed() ? atom(tls_->failure().code) : posix_atom(errno);
}

// Why there is no more input, for who asks.
tl::unexpected<error> stream::input_failure() const {
    std::string code(end_reason_.name());
    std::string detail = tls_ && tls_->failure().is(code) ? tls_->failure().detail : "";
    return fail(std::move(code), std::move(detail));
}

bool stream::wants_input() const {
    return phase_ == phase::open && !input_ended_ &&
           (credit_ > 0 || reader_waits_ || readable_message_due_);
}

// A line that is too long ends the input: where the next one begins is not known any more.
std::optional<std::string> stream::take_line() {
    if (auto text = in_.take_line(options_.line_max)) return text;
    if (!in_.line_is_longer_than(options_.line_max)) return {};
    in_.clear();
    input_ended_ = true;
    end_reason_ = too_long_atom();
    return {};
}

void stream::deliver() {
    while (credit_ > 0 && phase_ == phase::open) {
        if (options_.framing == framing::line) {
            if (auto text = take_line()) {
                service_->send(owner_, line{id_, number_, *std::move(text)});
                spend();
                continue;
            }
            if (input_ended_ && in_.size() > 0) {
                service_->send(owner_, line{id_, number_, in_.take(in_.size()), false});
                spend();
                continue;
            }
        } else if (in_.size() > 0) {
            std::string bytes = in_.take(std::min(in_.size(), options_.chunk_max));
            service_->send(owner_, data{id_, number_, std::move(bytes)});
            spend();
            continue;
        }
        if (input_ended_) tell_end_of_input();
        return;
    }
}

void stream::spend() {
    if (--credit_ > 0 || !counted_) return;
    counted_ = false;
    service_->send(owner_, passive{id_, number_});
}

void stream::tell_end_of_input() {
    if (end_told_) return;
    end_told_ = true;
    credit_ = 0;
    counted_ = false;
    service_->send(owner_, end_of_input{id_, number_, end_reason_});
    if (input_end_hook_) input_end_hook_();
}

void stream::wake_reader() {
    reader_waits_ = false;
    service_->send(owner_, wake{id_, number_});
}

void stream::activate(pid owner, std::uint32_t n) {
    locked lock(mutex_);
    if (phase_ != phase::open) return;
    owner_ = owner;
    tells_ = true;
    credit_ += std::min(n, UINT32_MAX - credit_);
    if (n > 1) counted_ = true;
    if (end_told_) return;
    deliver();
    if (wants_input()) start_reading();
    watch_hang_up();
}

void stream::deactivate() {
    locked lock(mutex_);
    credit_ = 0;
    counted_ = false;
}

void stream::set_framing(framing f) {
    locked lock(mutex_);
    options_.framing = f;
}

void stream::set_line_max(std::size_t bytes) {
    locked lock(mutex_);
    options_.line_max = bytes;
}

result<std::optional<std::string>> stream::take(pid owner, want w, std::size_t n) {
    locked lock(mutex_);
    if (phase_ != phase::open) return fail("closed");
    owner_ = owner;
    for (bool looked = false;; looked = true) {
        if (w == want::line) {
            if (auto text = take_line()) return text;
        }
        if (w == want::some && in_.size() > 0)
            return in_.take(std::min(in_.size(), options_.chunk_max));
        if (w == want::exactly && in_.size() >= n) return in_.take(n);
        if (input_ended_) {
            if (w == want::line && in_.size() > 0) return in_.take(in_.size());
            if (!end_told_ && input_end_hook_) {
                end_told_ = true;
                input_end_hook_();
            }
            return input_failure();
        }
        if (looked || !readable_) break;
        // What is there already need not be told by the poller.
        char buffer[inline_read];
        read_into(buffer, sizeof buffer);
    }
    reader_waits_ = true;
    start_reading();
    return std::nullopt;
}

result<std::size_t> stream::try_read(pid owner, std::span<char> to) {
    locked lock(mutex_);
    if (phase_ != phase::open) return fail("closed");
    owner_ = owner;
    if (in_.size() > 0) {
        const std::size_t n = std::min(in_.size(), to.size());
        std::copy_n(in_.bytes().data(), n, to.data());
        in_.drop(n);
        return n;
    }
    if (!input_ended_ && readable_) {
        const auto n = read_once(to.data(), to.size());
        note_read(n, to.size());
        if (n > 0) return std::size_t(n);
    }
    if (input_ended_) return input_failure();
    readable_message_due_ = true;
    start_reading();
    return std::size_t{0};
}

void stream::cancel_input_wake() {
    locked lock(mutex_);
    reader_waits_ = false;
}

void stream::on_input_end(std::function<void()> hook) {
    locked lock(mutex_);
    input_end_hook_ = std::move(hook);
}

void stream::end_when_empty() {
    locked lock(mutex_);
    end_when_empty_ = true;
    while (wants_input()) {
        fill();
        if (reader_waits_) wake_reader();
        deliver();
    }
}

// The end.

void stream::close() {
    locked lock(mutex_);
    if (phase_ != phase::open) return;
    owner_ = {};
    credit_ = 0;
    reader_waits_ = false;
    readable_message_due_ = false;
    writer_waits_ = writer::none;
    room_message_due_ = false;
    input_end_hook_ = nullptr;
    drain_put_off();
    finish_tls();
    const bool lingers = options_.linger.count() > 0 && output_error_ == 0 && !connecting_ &&
                         service_->is_running() && (out_.size() > 0 || has_unwanted_input());
    if (!lingers) {
        close_now();
        return;
    }
    phase_ = phase::lingering;
    output_finished_ = true;
    in_.clear();
    service_->linger_begin();
    linger_timer_.emplace(service_->context(), options_.linger);
    linger_timer_->async_wait([self = shared_from_this()](const std::error_code& ec) {
        locked inner(self->mutex_);
        if (!ec && self->phase_ == phase::lingering) self->close_now();
    });
    out_.size() > 0 ? start_writing() : begin_discarding();
}

// Closing a socket that has unread input resets it, and the reset may overtake the last answer, or kill a
// client that is still writing before it reads why it was refused.
bool stream::has_unwanted_input() {
    if (kind_ != kind::socket || bytes_out_ == 0) return false;
    if (in_.size() > 0) return true;
    if (input_ended_) return end_reason_ == too_long_atom();
    char c;
    return ::recv(fd_.get(), &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void stream::begin_discarding() {
    if (kind_ != kind::socket || (input_ended_ && end_reason_ != too_long_atom())) {
        close_now();
        return;
    }
    ::shutdown(fd_.get(), SHUT_WR);
    start_reading();
}

void stream::discard() {
    for (std::size_t budget = bytes_a_turn; budget > 0;) {
        char buffer[read_at_once];
        const auto n = receive(buffer, sizeof buffer);
        if (n < 0 && errno == EAGAIN) {
            readable_ = false;
            break;
        }
        if (n <= 0) {
            close_now();
            return;
        }
        budget -= std::min(budget, std::size_t(n));
    }
    start_reading();
}

void stream::close_now() {
    if (phase_ == phase::closed) return;
    const bool lingered = phase_ == phase::lingering;
    phase_ = phase::closed;
    put_off_ = false;
    linger_timer_.reset();
    if (fd_) service_->streams().remove(watched_, fd_.get());
    fd_.reset();
    tls_.reset();
    in_.release();
    out_.release();
    if (lingered) service_->linger_end();
}

void stream::abort() {
    locked lock(mutex_);
    if (phase_ == phase::closed) return;
    if (kind_ == kind::socket) {
        const ::linger at_once{1, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    input_end_hook_ = nullptr;
    close_now();
}

void stream::abandon() noexcept {
    locked lock(mutex_);
    close_now();
}

connection_parts stream::release() {
    locked lock(mutex_);
    connection_parts parts;
    if (tls_) {
        lock.unlock();
        close();
        return parts;
    }
    if (phase_ != phase::open) return parts;
    parts.unread = in_.bytes();
    parts.unwritten = out_.bytes();
    parts.input_ended = input_ended_;
    service_->streams().remove(watched_, fd_.get());
    parts.fd = std::move(fd_);
    close_now();
    return parts;
}

stream_statistics stream::statistics() const {
    locked lock(mutex_);
    return {bytes_in_, bytes_out_, in_.size(), out_.size()};
}

}  // namespace beam::io::detail
