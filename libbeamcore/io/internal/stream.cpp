#include "libbeamcore/io/internal/stream.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <cerrno>

#include "libbeamcore/io/internal/posix_error.hpp"

namespace beam::io::detail {

namespace {

constexpr std::size_t inline_read = 16 << 10;
// What one connection may discard before others have their turn.
constexpr std::size_t bytes_a_turn = 1 << 20;

atom too_long_atom() {
    static const atom a("line_too_long");
    return a;
}

}  // namespace

stream::stream(std::shared_ptr<service> s, kind k, token id, int number,
               const stream_options& options)
    : service_(std::move(s)),
      id_(id),
      number_(number),
      kind_(k),
      fd_(service_->context()),
      options_(options) {}

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
    std::error_code ec;
    fd_.assign(parts.fd.get(), ec);
    if (ec) return fail_posix(ec.value());
    (void)parts.fd.release();
    in_.append(parts.unread);
    out_.append(parts.unwritten);
    if (parts.input_ended) end_input(atoms::eof);
    if (out_.size() > 0) start_writing();
    service_->add(this, weak_from_this());
    return {};
}

int stream::native() const {
    locked lock(mutex_);
    return fd_.is_open() ? const_cast<asio::posix::stream_descriptor&>(fd_).native_handle() : -1;
}

// Waiting. Each handler holds the stream; it finds out under the lock whether it is still wanted.

void stream::start_reading() {
    if (reading_ || phase_ == phase::closed) return;
    reading_ = true;
    if (end_when_empty_) {
        asio::post(service_->context(), [self = shared_from_this()] { self->on_readable({}); });
        return;
    }
    fd_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this()](const std::error_code& ec) { self->on_readable(ec); });
}

void stream::start_writing() {
    if (writing_ || phase_ == phase::closed) return;
    writing_ = true;
    fd_.async_wait(
        asio::posix::stream_descriptor::wait_write,
        [self = shared_from_this()](const std::error_code& ec) { self->on_writable(ec); });
}

// A peer that is gone is noticed although nobody reads or writes.
void stream::watch_hang_up() {
    if (watching_ || hung_up_ || kind_ != kind::socket || phase_ != phase::open ||
        output_error_ != 0 || output_finished_)
        return;
    watching_ = true;
    fd_.async_wait(
        asio::posix::stream_descriptor::wait_error,
        [self = shared_from_this()](const std::error_code& ec) { self->on_hang_up(ec); });
}

void stream::on_readable(const std::error_code& ec) {
    locked lock(mutex_);
    reading_ = false;
    if (ec || phase_ == phase::closed) return;
    if (phase_ == phase::lingering) {
        discard();
        return;
    }
    if (!wants_input()) return;
    const std::size_t before = in_.size();
    fill();
    if (reader_waits_ && (in_.size() != before || input_ended_)) wake_reader();
    deliver();
    if (wants_input()) start_reading();
}

void stream::on_writable(const std::error_code& ec) {
    locked lock(mutex_);
    writing_ = false;
    if (ec || phase_ == phase::closed) return;
    if (!connecting_) {
        drain();
        return;
    }
    pollfd p{fd_.native_handle(), POLLOUT, 0};
    if (::poll(&p, 1, 0) == 0) {
        start_writing();
        return;
    }
    connecting_ = false;
    socklen_t size = sizeof output_error_;
    ::getsockopt(fd_.native_handle(), SOL_SOCKET, SO_ERROR, &output_error_, &size);
    wake_writer();
}

void stream::on_hang_up(const std::error_code& ec) {
    locked lock(mutex_);
    watching_ = false;
    if (ec || phase_ == phase::closed) return;
    pollfd p{fd_.native_handle(), POLLPRI, 0};
    ::poll(&p, 1, 0);
    if (p.revents & (POLLHUP | POLLERR)) {
        hung_up_ = true;
        int number = 0;
        socklen_t size = sizeof number;
        ::getsockopt(fd_.native_handle(), SOL_SOCKET, SO_ERROR, &number, &size);
        // Asking took the error away: reading would end as if orderly.
        if (number != 0) end_reason_ = posix_atom(number);
        output_failed(number != 0 ? number : EPIPE);
    } else if (!(p.revents & POLLPRI)) {
        watch_hang_up();
    }  // else urgent data, which nobody will read: looking on would find it for ever
}

// Input.

std::ptrdiff_t stream::read_once(char* to, std::size_t n) {
    for (;;) {
        const auto got = ::read(fd_.native_handle(), to, n);
        if (got >= 0 || errno != EINTR) return got;
    }
}

void stream::fill() {
    read_into(service_->scratch.data(), service_->scratch.size());
}

void stream::read_into(char* buffer, std::size_t size) {
    const auto n = read_once(buffer, std::min(size, options_.chunk_max));
    if (n > 0) {
        in_.append(std::string_view(buffer, std::size_t(n)));
        bytes_in_ += std::uint64_t(n);
    } else if (n < 0 && errno != EAGAIN) {
        end_input(posix_atom(errno));
    } else if (n == 0 || end_when_empty_) {
        end_input(end_reason_);  // `eof`, or what a hang-up had to say
    }
}

void stream::end_input(atom reason) {
    if (input_ended_) return;
    input_ended_ = true;
    end_reason_ = reason;
}

bool stream::wants_input() const {
    return phase_ == phase::open && !input_ended_ && (credit_ > 0 || reader_waits_);
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
            return fail(std::string(end_reason_.name()));
        }
        if (looked) break;
        // What is there already need not go by way of the I/O thread, whose buffer this is not.
        char buffer[inline_read];
        read_into(buffer, sizeof buffer);
    }
    reader_waits_ = true;
    start_reading();
    return std::nullopt;
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
    writer_waits_ = writer::none;
    room_message_due_ = false;
    input_end_hook_ = nullptr;
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
    return ::recv(fd_.native_handle(), &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void stream::begin_discarding() {
    if (kind_ != kind::socket || (input_ended_ && end_reason_ != too_long_atom())) {
        close_now();
        return;
    }
    ::shutdown(fd_.native_handle(), SHUT_WR);
    start_reading();
}

void stream::discard() {
    for (std::size_t budget = bytes_a_turn; budget > 0;) {
        const auto n = read_once(service_->scratch.data(), service_->scratch.size());
        if (n < 0 && errno == EAGAIN) break;
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
    linger_timer_.reset();
    std::error_code ignored;
    fd_.close(ignored);
    in_.release();
    out_.release();
    if (lingered) service_->linger_end();
}

void stream::abort() {
    locked lock(mutex_);
    if (phase_ == phase::closed) return;
    if (kind_ == kind::socket) {
        const ::linger at_once{1, 0};
        ::setsockopt(fd_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
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
    if (phase_ != phase::open) return parts;
    parts.unread = in_.bytes();
    parts.unwritten = out_.bytes();
    parts.input_ended = input_ended_;
    parts.fd.reset(fd_.release());
    close_now();
    return parts;
}

stream_statistics stream::statistics() const {
    locked lock(mutex_);
    return {bytes_in_, bytes_out_, in_.size(), out_.size()};
}

}  // namespace beam::io::detail
