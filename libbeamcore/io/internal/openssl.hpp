// OpenSSL's objects with one owner, and its errors as text. For certificate.cpp, tls.cpp and tls_session.cpp only.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace beam::io::detail {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const noexcept {
        Free(p);
    }
};

using bio_ptr = std::unique_ptr<BIO, freed_by<&::BIO_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<&::EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<&::X509_free>>;

/// Why the last call of this thread failed; what it left is cleared.
[[nodiscard]] std::string openssl_error();

/// To read from; the text must outlive it.
[[nodiscard]] bio_ptr bio_of(std::string_view text);
/// The next one in a PEM text; null: there is none, or it is broken.
[[nodiscard]] x509_ptr next_certificate(BIO& from);
/// Null: there is none, or it wants a password, which nobody is asked for.
[[nodiscard]] key_ptr read_key(std::string_view pem);

/// Whether the host is a numeric address.
[[nodiscard]] bool is_ip_address(const std::string& host);

}  // namespace beam::io::detail
