// tls: what a connection needs to go on encrypted: certificate, key, and whom it believes.
//
//     auto context = tls_context::make(options);
//     auto securing = c.connect_tls(*context, "example.org", 5s);   // or c.accept_tls(*context, 5s)
//     auto secured = co_await securing;
//
// Afterwards the connection is used as before (see connection.hpp). One context serves any number of connections, as
// either side. There is no renegotiation and no resumption: each connection is verified anew.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/io/certificate.hpp"

namespace beam::io {

enum class tls_version : std::uint8_t { v1_2, v1_3 };

/// The texts are PEM.
struct tls_options {
    std::string
        certificate;  ///< ours, and behind it those between it and its authority; a client may have none
    std::string key;
    std::string authorities;  ///< whose certificates are accepted; empty: the system's (/etc/ssl)
    /// The peer must have a certificate of those authorities; a server asks its clients for one. Without it anybody may be
    /// the peer.
    bool verify_peer = true;
    tls_version version_min = tls_version::v1_3;
};

/// Immutable; copies are cheap, and may be used by any thread. False: none.
class BEAM_EXPORT tls_context {
public:
    tls_context() noexcept = default;

    /// Errors: `bad_certificate`, `bad_key` (none, one with a password, or another certificate's), `bad_authorities`.
    [[nodiscard]] static result<tls_context> make(const tls_options& options);

    explicit operator bool() const { return handle_ != nullptr; }

    /// For this layer: an SSL_CTX.
    [[nodiscard]] void* handle() const { return handle_.get(); }

private:
    std::shared_ptr<void> handle_;
};

}  // namespace beam::io
