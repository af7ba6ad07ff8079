// certificate: an X.509 certificate as a value; and the making of an authority and of certificates that it signs.
//
//     auto authority = make_authority(wish);                    // once, its key kept where nobody comes
//     auto mine = make_certificate(wish, *authority);           // for each host
//     auto facts = certificate::read(mine->certificate);
//
// Keys are P-256: every TLS 1.2 and 1.3 peer knows them, OTP 25 among them.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::io {

/// Immutable; copies are cheap. False: none.
class BEAM_EXPORT certificate {
public:
    certificate() noexcept = default;

    /// The first one in a PEM text. Errors: `bad_certificate`.
    [[nodiscard]] static result<certificate> read(std::string_view pem);

    explicit operator bool() const { return handle_ != nullptr; }

    /// Whose it is: the common name, else all of its name.
    [[nodiscard]] std::string subject() const;
    [[nodiscard]] std::string issuer() const;
    /// The host names and addresses that it is for (subjectAltName); wild cards as they stand.
    [[nodiscard]] std::vector<std::string> hosts() const;
    /// Whether it is for that host: a name (RFC 6125, wild cards included) or a numeric address. The common name does not
    /// count.
    [[nodiscard]] bool is_for(const std::string& host) const;
    [[nodiscard]] std::chrono::system_clock::time_point valid_from() const;
    [[nodiscard]] std::chrono::system_clock::time_point valid_until() const;
    /// Whether it may sign others.
    [[nodiscard]] bool is_authority() const;
    /// Whether `authority` signed it. Dates and uses are not looked at.
    [[nodiscard]] bool is_signed_by(const certificate& authority) const;
    /// SHA-256 of it, in hexadecimal.
    [[nodiscard]] std::string fingerprint() const;

    /// For this layer: owns an X509.
    explicit certificate(std::shared_ptr<void> handle) noexcept : handle_(std::move(handle)) {}

private:
    std::shared_ptr<void> handle_;
};

/// PEM texts.
struct keyed_certificate {
    std::string certificate;
    std::string key;  ///< PKCS#8, not encrypted: keep it in a file that only its owner can read
};

/// What a certificate is to say.
struct certificate_wish {
    std::string name;  ///< common name, at most 64 bytes
    std::vector<std::string>
        hosts;  ///< host names and numeric addresses; none: for no host in particular
    std::chrono::system_clock::time_point valid_from;
    std::chrono::system_clock::time_point valid_until;
};

/// A certificate that signs others, and itself. Errors: `bad_name`, `bad_host`, `cannot_make`.
[[nodiscard]] BEAM_EXPORT result<keyed_certificate> make_authority(const certificate_wish& wish);

/// A certificate for both sides of TLS. Errors: as make_authority(); `bad_authority`: that is none, or its key is another's.
[[nodiscard]] BEAM_EXPORT result<keyed_certificate> make_certificate(
    const certificate_wish& wish, const keyed_certificate& authority);

/// Whether the key is that certificate's. Errors: `bad_certificate`, `bad_key`.
[[nodiscard]] BEAM_EXPORT result<void> check_key(const keyed_certificate& c);

/// Whether a certificate can be for it: a host name, a wild card or a numeric address.
[[nodiscard]] BEAM_EXPORT bool is_certificate_host(std::string_view host);

}  // namespace beam::io
