// The part of a stream that is about TLS: its handshake, and reading.
#include <cerrno>
#include <utility>

#include "libbeamcore/io/internal/posix_error.hpp"
#include "libbeamcore/io/internal/stream.hpp"

namespace beam::io::detail {

result<void> stream::begin_tls(std::unique_ptr<tls_session> tls) {
    locked lock(mutex_);
    if (phase_ != phase::open || output_finished_) return fail("closed");
    if (tls_) return fail("tls_begun", "TLS was begun on this connection already");
    drain_put_off();
    tls_ = std::move(tls);
    tls_->attach(fd_.get(), out_, in_.take(in_.size()));
    return {};
}

result<bool> stream::try_tls_handshake(pid owner) {
    locked lock(mutex_);
    if (phase_ != phase::open || output_finished_) return fail("closed");
    if (output_error_ != 0) return fail_posix(output_error_, "in the TLS handshake");
    owner_ = owner;
    const auto step = tls_->handshake();
    if (out_.size() > 0 && !writing_) drain();
    if (step == tls_session::progress::failed) {
        end_input(atom(tls_->failure().code));
        return tl::unexpected<error>(tls_->failure());
    }
    // What came behind the handshake may be in the session, and no event will tell.
    readable_ = step == tls_session::progress::done;
    if (readable_) return true;
    reader_waits_ = true;
    start_reading();
    return false;
}

void stream::give_up_tls(error why) {
    locked lock(mutex_);
    if (!tls_) return;
    tls_->give_up(std::move(why));
    end_input(atom(tls_->failure().code));
}

std::ptrdiff_t stream::read_decrypted(char* to, std::size_t n) {
    const auto got = tls_->read(to, n);
    const int number = errno;
    // The socket's events do not tell of an end that is TLS's own.
    if (tls_->input_is_over()) ended_ = true;
    // An alert, or the answer to new keys.
    if (out_.size() > 0 && !writing_ && !put_off_) drain();
    errno = number;
    return got;
}

certificate stream::peer_certificate() const {
    locked lock(mutex_);
    return tls_ ? tls_->peer() : certificate();
}

std::string stream::tls_name() const {
    locked lock(mutex_);
    return tls_ ? tls_->name() : std::string();
}

}  // namespace beam::io::detail
