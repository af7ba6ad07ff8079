#include "libbeamcore/io/tls.hpp"

#include <openssl/err.h>

#include <utility>

#include "libbeamcore/io/internal/openssl.hpp"

namespace beam::io {

namespace {

// Several records for one system call.
constexpr std::size_t read_ahead = 64 << 10;

result<void> set_certificate(SSL_CTX* c, const tls_options& options) {
    const auto from = detail::bio_of(options.certificate);
    const auto own = detail::next_certificate(*from);
    if (!own || ::SSL_CTX_use_certificate(c, own.get()) != 1)
        return fail("bad_certificate", "no certificate in PEM: " + detail::openssl_error());
    while (const auto between = detail::next_certificate(*from))
        ::SSL_CTX_add1_chain_cert(c, between.get());
    ::ERR_clear_error();
    const auto key = detail::read_key(options.key);
    if (!key) {
        ::ERR_clear_error();
        return fail("bad_key", "no private key in PEM, or one with a password");
    }
    if (::SSL_CTX_use_PrivateKey(c, key.get()) != 1 || ::SSL_CTX_check_private_key(c) != 1) {
        ::ERR_clear_error();
        return fail("bad_key", "the key belongs to another certificate");
    }
    return {};
}

result<void> set_authorities(SSL_CTX* c, const tls_options& options) {
    if (options.authorities.empty()) {
        if (::SSL_CTX_set_default_verify_paths(c) == 1) return {};
        return fail("bad_authorities", "the system's cannot be read: " + detail::openssl_error());
    }
    const auto from = detail::bio_of(options.authorities);
    int n = 0;
    for (; const auto one = detail::next_certificate(*from); ++n)
        ::X509_STORE_add_cert(::SSL_CTX_get_cert_store(c), one.get());
    ::ERR_clear_error();
    if (n == 0) return fail("bad_authorities", "no certificate in PEM");
    return {};
}

}  // namespace

result<tls_context> tls_context::make(const tls_options& options) {
    // Threads of ours may still be about when the program's end would take OpenSSL's tables away.
    ::OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, nullptr);
    std::shared_ptr<SSL_CTX> c(::SSL_CTX_new(::TLS_method()), ::SSL_CTX_free);
    if (!c) return fail("bad_certificate", detail::openssl_error());
    ::SSL_CTX_set_min_proto_version(
        c.get(), options.version_min == tls_version::v1_2 ? TLS1_2_VERSION : TLS1_3_VERSION);
    ::SSL_CTX_set_options(c.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                       SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    ::SSL_CTX_set_num_tickets(c.get(), 0);
    ::SSL_CTX_set_session_cache_mode(c.get(), SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_mode(c.get(), SSL_MODE_RELEASE_BUFFERS);  // an idle connection keeps none
    ::SSL_CTX_set_read_ahead(c.get(), 1);
    ::SSL_CTX_set_default_read_buffer_len(c.get(), read_ahead);
    if (!options.certificate.empty())
        if (auto ok = set_certificate(c.get(), options); !ok) return pass(ok);
    if (options.verify_peer) {
        if (auto ok = set_authorities(c.get(), options); !ok) return pass(ok);
        ::SSL_CTX_set_verify(c.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    tls_context made;
    made.handle_ = std::move(c);
    return made;
}

}  // namespace beam::io
