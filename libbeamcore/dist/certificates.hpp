// certificates: a folder with all that a cluster's TLS needs: an authority, this host's certificate, and those of other
// hosts, to be taken there.
//
//     ca.pem, ca.key        the cluster's authority; the key only where certificates are made
//     node.pem, node.key    of the nodes of this host
//     ssl_dist.config       the same for Erlang: erl -proto_dist inet_tls -ssl_dist_optfile FILE
//     hosts/HOST/           ca.pem, node.pem and node.key for the nodes of another host
//
// A folder is 0700, its files 0600. What is good is kept, so that it may be made again and again: a certificate is made anew
// when it is missing, broken, not of this authority, for too few hosts, or ends within a month; the authority never, unless
// that is asked for, since all that it signed is void then.
//
// The structures are plain, so that a program may have them without the library.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::dist {

/// PEM files of one node.
struct tls_files {
    std::string certificate;
    std::string key;
    std::string authorities;
    /// A peer must show a certificate of these authorities. Without it anybody who knows the cookie is let in.
    bool verify_peer = true;
    /// The peer's certificate must be for the host in its node's name (what is behind the @), unless it names no host at all:
    /// a member's key is good for its own host's nodes and does not let its thief be another one.
    bool check_host = true;
};

struct certificate_paths {
    std::string folder, authority, authority_key, certificate, key, otp_options, hosts;
};
[[nodiscard]] BEAM_EXPORT certificate_paths certificates_in(const std::string& folder);

/// `$XDG_CONFIG_HOME/beamcore/certs` (`~/.config/beamcore/certs`). Errors: `no_home`.
[[nodiscard]] BEAM_EXPORT result<std::string> certificate_folder();

/// What options::tls wants, from such a folder. Errors: `not_found`, which says what to do.
[[nodiscard]] BEAM_EXPORT result<tls_files> tls_files_in(const std::string& folder);

struct certificates_wish {
    std::string folder;
    std::string cluster;  ///< what a new authority is called; empty: `beamcore`
    std::vector<std::string>
        names;  ///< what this host is called besides its own names and addresses
    std::vector<std::string> others;  ///< other hosts, each HOST or name@HOST
    bool renew_authority =
        false;  ///< makes a new one; the old one is kept beside it as ca.pem.old, ca.key.old
    bool look_only =
        false;  ///< makes nothing; `state` is then valid, ends_soon, ended, broken or missing
};

/// What became of one certificate.
struct certificate_state {
    std::string of;     ///< `authority`, `node`, or the other host
    std::string state;  ///< `made`, `renewed`, `kept`
    std::string why;    ///< it was renewed, or what is wrong with it
    std::string path;
    std::string subject;
    std::vector<std::string> hosts;
    std::string fingerprint;
    std::chrono::system_clock::time_point valid_until;
};

/// Makes what is missing, and tells of all that is there, the authority first. Blocks: it reads and writes files.
///
/// Errors, whose details say what to do: `bad_host`, `bad_name`, `not_private`, `not_owner`, `cannot_create`, `cannot_read`,
/// `authority_ended`, `authority_broken`, `other_cluster` (the authority there has another name), `no_authority_key` (its key
/// is elsewhere, and something must be made).
[[nodiscard]] BEAM_EXPORT result<std::vector<certificate_state>> make_certificates(
    const certificates_wish& wish);

}  // namespace beam::dist
