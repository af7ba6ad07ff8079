#include "libbeamcore/io/internal/tls_session.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "libbeamcore/io/internal/openssl.hpp"
#include "libbeamcore/io/internal/posix_error.hpp"

namespace beam::io::detail {

namespace {

tls_session& session_of(BIO* b) {
    return *static_cast<tls_session*>(::BIO_get_data(b));
}

int bio_read(BIO* b, char* to, int n) {
    ::BIO_clear_retry_flags(b);
    const auto got = session_of(b).receive(to, std::size_t(n));
    if (got < 0 && errno == EAGAIN) BIO_set_retry_read(b);
    return int(got);
}

int bio_write(BIO* b, const char* from, int n) {
    ::BIO_clear_retry_flags(b);
    session_of(b).send({from, std::size_t(n)});
    return n;
}

long bio_control(BIO* b, int what, long, void*) {
    switch (what) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return session_of(b).is_at_end() ? 1 : 0;
        default:
            return 0;
    }
}

int bio_create(BIO* b) {
    ::BIO_set_init(b, 1);
    return 1;
}

const BIO_METHOD* stream_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* m = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "beam stream");
        ::BIO_meth_set_read(m, bio_read);
        ::BIO_meth_set_write(m, bio_write);
        ::BIO_meth_set_ctrl(m, bio_control);
        ::BIO_meth_set_create(m, bio_create);
        return m;
    }();
    return method;
}

void expect_host(SSL* ssl, const std::string& host) {
    if (is_ip_address(host)) {
        ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(ssl), host.c_str());
        return;
    }
    ::SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    ::SSL_set1_host(ssl, host.c_str());
    ::SSL_set_tlsext_host_name(ssl, host.c_str());
}

bool is_no_tls(int reason) {
    switch (reason) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_WRONG_SSL_VERSION:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_UNKNOWN_PROTOCOL:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
        case SSL_R_BAD_LENGTH:
        case SSL_R_LENGTH_MISMATCH:
            return true;
        default:
            return false;
    }
}

}  // namespace

tls_session::tls_session(const tls_context& context, side s, const std::string& host)
    : ssl_(::SSL_new(static_cast<SSL_CTX*>(context.handle()))) {
    BIO* bio = ssl_ ? ::BIO_new(stream_method()) : nullptr;
    if (!bio) throw std::bad_alloc();
    ::BIO_set_data(bio, this);
    ::SSL_set_bio(ssl_.get(), bio, bio);
    if (s == side::server) {
        ::SSL_set_accept_state(ssl_.get());
        return;
    }
    ::SSL_set_connect_state(ssl_.get());
    if (!host.empty()) expect_host(ssl_.get(), host);
}

tls_session::~tls_session() = default;

void tls_session::freed::operator()(ssl_st* s) const noexcept {
    ::SSL_free(s);
}

void tls_session::attach(int fd, byte_queue& out, std::string early) {
    fd_ = fd;
    out_ = &out;
    early_ = std::move(early);
}

std::ptrdiff_t tls_session::receive(char* to, std::size_t n) {
    if (!early_.empty()) {
        n = std::min(n, early_.size());
        std::copy_n(early_.data(), n, to);
        early_.erase(0, n);
        return std::ptrdiff_t(n);
    }
    for (;;) {
        const auto got = ::syscall(SYS_recvfrom, fd_, to, n, 0, nullptr, nullptr);
        if (got < 0 && errno == EINTR) continue;
        at_end_ = got == 0;
        if (got < 0 && errno != EAGAIN) receive_error_ = errno;
        return got;
    }
}

void tls_session::give_up(error why) {
    if (!has_failed()) failure_ = std::move(why);
}

tls_session::progress tls_session::handshake() {
    if (has_failed()) return progress::failed;
    ::ERR_clear_error();
    const int r = ::SSL_do_handshake(ssl_.get());
    if (r == 1) {
        state_ = state::open;
        return progress::done;
    }
    if (::SSL_get_error(ssl_.get(), r) == SSL_ERROR_WANT_READ) return progress::wants_input;
    failure_ = why();
    return progress::failed;
}

// What OpenSSL's first error, the socket or the peer's alert says.
error tls_session::why() {
    const bool connecting = state_ == state::handshake;
    const auto code = ::ERR_peek_error();
    const int reason = ERR_GET_REASON(code);
    ::ERR_clear_error();
    if (receive_error_ != 0) {
        auto failed = fail_posix(receive_error_, connecting ? "in the TLS handshake" : "");
        return std::move(failed.value());
    }
    if (at_end_)
        return {
            "tls_truncated",
            connecting
                ? "the peer closed the connection in the middle of the TLS handshake; it may not "
                  "speak TLS, or refuse our certificate"
                : "the connection ended without a word: what came last may be missing"};
    if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
        if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
            const std::string subject = peer().subject();
            return {"tls_bad_certificate",
                    "the peer's certificate" + (subject.empty() ? "" : " \"" + subject + "\"") +
                        " is not accepted: " +
                        ::X509_verify_cert_error_string(::SSL_get_verify_result(ssl_.get()))};
        }
        if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
            return {"tls_no_certificate", "the peer has no certificate"};
        if (connecting && is_no_tls(reason))
            return {"tls_not_spoken", "the peer does not speak TLS"};
        if (reason >= SSL_AD_REASON_OFFSET)
            return {"tls_refused", std::string("the peer refuses: ") +
                                       ::SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET)};
    }
    const char* text = code ? ::ERR_reason_error_string(code) : nullptr;
    return {"tls_failed", text ? text : "no reason given"};
}

std::ptrdiff_t tls_session::read(char* to, std::size_t n) {
    std::size_t got = 0;
    while (got < n) {
        if (has_failed() || state_ != state::open) break;
        ::ERR_clear_error();
        std::size_t more = 0;
        const int r = ::SSL_read_ex(ssl_.get(), to + got, n - got, &more);
        if (r == 1) {
            got += more;
            continue;
        }
        switch (::SSL_get_error(ssl_.get(), r)) {
            case SSL_ERROR_WANT_READ:
                if (got > 0) return std::ptrdiff_t(got);
                errno = EAGAIN;
                return -1;
            case SSL_ERROR_ZERO_RETURN:
                state_ = state::input_ended;
                break;
            default:
                failure_ = why();
        }
    }
    if (got > 0) return std::ptrdiff_t(got);
    if (state_ == state::input_ended) return 0;
    errno = EPROTO;
    return -1;
}

bool tls_session::write(std::string_view bytes) {
    if (!is_open()) return false;
    if (bytes.empty()) return true;
    ::ERR_clear_error();
    std::size_t written = 0;
    if (::SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &written) == 1) return true;
    failure_ = why();
    return false;
}

void tls_session::finish() {
    if (!is_open() || std::exchange(finished_, true)) return;
    ::ERR_clear_error();
    (void)::SSL_shutdown(ssl_.get());
    ::ERR_clear_error();
}

certificate tls_session::peer() const {
    X509* c = ::SSL_get1_peer_certificate(ssl_.get());
    if (!c) return {};
    return certificate(
        std::shared_ptr<void>(c, [](void* p) { ::X509_free(static_cast<X509*>(p)); }));
}

std::string tls_session::name() const {
    if (state_ == state::handshake) return {};
    return std::string(::SSL_get_version(ssl_.get())) + " " + ::SSL_get_cipher_name(ssl_.get());
}

}  // namespace beam::io::detail
