// tls_identity: a node's certificate, key and authorities, from files that may be replaced while it runs.
#pragma once

#include <sys/stat.h>

#include <array>
#include <chrono>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/certificates.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/tls.hpp"

namespace beam::dist::detail {

/// What one connection goes on with. False: no TLS.
struct tls_use {
    io::tls_context context;
    bool check_host = true;

    explicit operator bool() const { return bool(context); }
};

class tls_identity {
public:
    /// No TLS.
    tls_identity() = default;

    /// Errors, whose details name the file and say what to do: `not_found`, `not_private`, `not_owner`, `cannot_read`,
    /// `bad_certificate`, `bad_key`, `bad_authorities`, `expired`.
    [[nodiscard]] static result<tls_identity> load(tls_files files);

    /// For a connection that begins now. Files that have changed are read again; while they cannot be used, what was read
    /// before stays, and the log says so once.
    [[nodiscard]] tls_use now();

private:
    /// Whether a file is another one than before.
    struct stamp {
        ino_t inode = 0;
        off_t size = 0;
        timespec changed{};
    };
    using stamps = std::array<stamp, 3>;

    [[nodiscard]] stamps look() const;
    [[nodiscard]] result<void> read();

    tls_files files_;
    stamps seen_{};
    tls_use use_;
};

/// Whether a node at that host may have this connection: its certificate is for it, or for no host in particular.
/// Errors: `tls_wrong_host`.
[[nodiscard]] result<void> check_peer_host(const io::connection& c, const tls_use& tls,
                                           std::string_view host);

/// A failure of TLS with what to try behind it; any other as it is.
[[nodiscard]] error with_hint(error why);

}  // namespace beam::dist::detail
