// The half of a stream that writes.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "libbeamcore/io/internal/posix_error.hpp"
#include "libbeamcore/io/internal/stream.hpp"

namespace beam::io::detail {

namespace {

// What one connection may write before others have their turn.
constexpr std::size_t bytes_a_turn = 1 << 20;
// More is worth a wake of its own, and a copy of it is not.
constexpr std::size_t put_off_max = 16 << 10;
// Pieces in one system call.
constexpr std::size_t gathered_max = 64;
// Encrypted at once, and ahead of what the kernel takes, for who keeps the rest.
constexpr std::size_t encrypted_ahead = 64 << 10;

}  // namespace

std::ptrdiff_t stream::write_once(const char* from, std::size_t n) {
    for (;;) {
        const auto put = kind_ == kind::socket ? ::syscall(SYS_sendto, fd_.get(), from, n,
                                                           MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0)
                                               : ::write(fd_.get(), from, n);
        if (put >= 0 || errno != EINTR) return put;
    }
}

result<void> stream::writable_now() const {
    if (output_error_ != 0) return fail_posix(output_error_);
    if (phase_ != phase::open || output_finished_) return fail("closed");
    if (tls_ && tls_->has_failed()) return tl::unexpected<error>(tls_->failure());
    return {};
}

void stream::append_output(std::string_view bytes) {
    if (!tls_)
        out_.append(bytes);
    else if (!tls_->write(bytes))
        output_failed(EPROTO);
}

result<bool> stream::try_write(pid owner, std::string_view bytes, when_full how, when_sent when) {
    locked lock(mutex_);
    const bool soon = when == when_sent::soon && bytes.size() <= put_off_max;
    if (!soon) drain_put_off();
    if (auto r = writable_now(); !r) return pass(r);
    owner_ = owner;
    if (out_.size() >= options_.output_max) {
        if (how == when_full::tell) {
            room_message_due_ = true;
            tells_ = true;
        } else {
            writer_waits_ = writer::for_room;
        }
        return false;
    }
    // A pipe without a reader raises SIGPIPE: only the I/O thread, which blocks it, writes to pipes.
    if (out_.size() == 0 && kind_ == kind::socket) {
        if (soon && service_->streams().put_off(shared_from_this())) {
            put_off_ = true;
            append_output(bytes);
            return true;
        }
        const auto n = bytes.empty() || tls_ ? 0 : write_once(bytes.data(), bytes.size());
        if (n < 0 && errno != EAGAIN) {
            const int number = errno;
            output_failed(number);
            return fail_posix(number);
        }
        if (n > 0) {
            bytes_out_ += std::uint64_t(n);
            bytes.remove_prefix(std::size_t(n));
        }
    }
    if (bytes.empty()) return true;
    append_output(bytes);
    if (put_off_ || writing_) return true;
    tls_ ? drain() : start_writing();
    return true;
}

// As write_once, of several places; all the bytes there are.
std::ptrdiff_t stream::gather_once(std::span<const std::string_view> pieces) {
    if (pieces.size() == 1) return write_once(pieces[0].data(), pieces[0].size());
    iovec places[gathered_max];
    const std::size_t count = std::min(pieces.size(), gathered_max);
    for (std::size_t i = 0; i < count; ++i)
        places[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};  // NOLINT: only read
    msghdr message{};
    message.msg_iov = places;
    message.msg_iovlen = count;
    for (;;) {
        const auto put = ::syscall(SYS_sendmsg, fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put >= 0 || errno != EINTR) return put;
    }
}

result<std::size_t> stream::try_write_some(pid owner, std::span<const std::string_view> pieces) {
    std::size_t size = 0;
    for (const auto& p : pieces) size += p.size();
    locked lock(mutex_);
    if (auto r = writable_now(); !r) return pass(r);
    owner_ = owner;
    std::ptrdiff_t n = 0;
    if (tls_) {
        for (const auto& p : pieces) {
            const std::size_t taken = write_encrypted(p);
            n += std::ptrdiff_t(taken);
            if (taken < p.size()) break;
        }
    } else if (out_.size() == 0 && kind_ == kind::socket && size > 0) {
        n = gather_once(pieces);
        if (n < 0 && errno != EAGAIN) {
            const int number = errno;
            output_failed(number);
            return fail_posix(number);
        }
        n = std::max<std::ptrdiff_t>(n, 0);
        bytes_out_ += std::uint64_t(n);
    }
    if (std::size_t(n) < size) {
        room_message_due_ = true;
        tells_ = true;
        start_writing();
    }
    return std::size_t(n);
}

// What is encrypted is taken: it cannot be given back.
std::size_t stream::write_encrypted(std::string_view bytes) {
    std::size_t n = 0;
    while (n < bytes.size() && out_.size() < encrypted_ahead && output_error_ == 0) {
        const auto next = bytes.substr(n, encrypted_ahead);
        append_output(next);
        n += next.size();
        if (!writing_) drain();
    }
    return n;
}

void stream::send_put_off() {
    locked lock(mutex_);
    drain_put_off();
}

void stream::drain_put_off() {
    if (std::exchange(put_off_, false)) drain();
}

result<bool> stream::try_flush(pid owner) {
    locked lock(mutex_);
    drain_put_off();
    if (output_error_ != 0) return fail_posix(output_error_);
    if (out_.size() == 0) return true;
    owner_ = owner;
    writer_waits_ = writer::for_all;
    return false;
}

void stream::drain() {
    std::size_t budget = bytes_a_turn;
    while (out_.size() > 0 && budget > 0) {
        const std::string_view next = out_.bytes().substr(0, budget);
        const auto n = write_once(next.data(), next.size());
        if (n < 0) {
            if (errno == EAGAIN) break;
            output_failed(errno);
            return;
        }
        out_.drop(std::size_t(n));
        bytes_out_ += std::uint64_t(n);
        budget -= std::size_t(n);
    }
    if (writer_waits_ == writer::for_all ? out_.size() == 0
                                         : out_.size() <= options_.output_max / 2)
        wake_writer();
    if (room_message_due_ && out_.size() <= options_.output_max / 2) {
        room_message_due_ = false;
        service_->send(owner_, writable{id_});
    }
    if (out_.size() > 0) {
        start_writing();
        return;
    }
    if (phase_ == phase::lingering)
        begin_discarding();
    else if (output_finished_)
        kind_ == kind::socket ? void(::shutdown(fd_.get(), SHUT_WR)) : close_now();
}

void stream::wake_writer() {
    if (writer_waits_ == writer::none) return;
    writer_waits_ = writer::none;
    service_->send(owner_, wake{id_, wake_output});
}

void stream::output_failed(int number) {
    if (phase_ == phase::lingering) {
        close_now();
        return;
    }
    if (output_error_ != 0 || output_finished_) return;
    output_error_ = number;
    out_.clear();
    room_message_due_ = false;
    wake_writer();
    if (!tells_) return;
    static const atom gone("closed");
    service_->send(owner_,
                   end_of_output{id_, hung_up_ && number == EPIPE ? gone : posix_atom(number)});
}

// The peer is told that the end is one.
void stream::finish_tls() {
    if (!tls_ || output_finished_ || output_error_ != 0) return;
    tls_->finish();
    if (out_.size() > 0 && !writing_) drain();
}

void stream::finish_output() {
    locked lock(mutex_);
    drain_put_off();
    if (phase_ != phase::open || output_finished_ || output_error_ != 0) return;
    finish_tls();
    output_finished_ = true;
    if (out_.size() > 0) return;  // drain() comes to it
    kind_ == kind::socket ? void(::shutdown(fd_.get(), SHUT_WR)) : close_now();
}

void stream::cancel_output_wake() {
    locked lock(mutex_);
    writer_waits_ = writer::none;
}

void stream::set_connecting() {
    locked lock(mutex_);
    connecting_ = true;
    start_writing();
}

result<bool> stream::try_connect(pid owner) {
    locked lock(mutex_);
    owner_ = owner;
    if (output_error_ != 0) return fail_posix(output_error_);
    if (!connecting_) return true;
    writer_waits_ = writer::for_room;
    return false;
}

}  // namespace beam::io::detail
