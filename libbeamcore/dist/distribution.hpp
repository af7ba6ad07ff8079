// Distribution: makes a runtime a node that others reach, and that reaches others, by Erlang's own protocol.
//
//     beam::dist::options o;
//     o.name = "a@127.0.0.1";
//     o.cookie = ...;
//     auto started = co_await beam::dist::start_link(o);
//
// From then on pids and names of other nodes are used as those of this one: send, call, link, monitor and exit go where
// the pid lives. A node that is not connected is connected first; what is sent meanwhile waits. (net_kernel, dist_util)
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/dist/certificates.hpp"
#include "libbeamcore/dist/discovery.hpp"
#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::dist {

struct options {
    std::string name;    ///< `name@host`
    std::string cookie;  ///< see cookie.hpp
    /// Whether others see it in nodes(), and it takes part in `global` (global.hpp); else it is hidden (-hidden).
    bool visible = true;
    /// Beyond loopback it must have `tls` that verifies peers, or `insecure`.
    std::string listen_address = "127.0.0.1";
    std::uint16_t listen_port = 0;  ///< 0: the system chooses
    /// Where the EPMD of this host is, or is to be.
    std::string epmd_address = "127.0.0.1";
    std::uint16_t epmd_port = epmd_port_from_environment();
    bool serve_epmd =
        true;  ///< where none runs; at all addresses if this node is reached beyond loopback
    /// How others are found, and which ones without being asked. Its epmd_port is set to the one above.
    discovery find{};
    /// All connections are TLS (erl -proto_dist inet_tls), 1.2 or 1.3; with nodes that have none there is none. Both sides
    /// show a certificate of the authorities, and it must be for the host in the node's name; then comes the cookie. Files
    /// that are replaced count from the next connection on.
    std::optional<tls_files> tls;
    /// Lets strangers on the network read along and take part who know or guess the cookie: listens beyond loopback without
    /// TLS, or with TLS that does not verify.
    bool insecure = false;
    /// A peer that says nothing for so long, or up to a quarter longer, is lost (net_ticktime).
    std::chrono::milliseconds ticktime{60000};
    /// Bytes that may wait for a peer before who sends to it is suspended (+zdbbl). A peer that reads nothing for all of
    /// ticktime meanwhile, or not what it has asked for itself (64 times as much), is lost: `peer_does_not_read`.
    std::size_t busy_limit = std::size_t(1) << 20;
    /// Atoms and nodes unknown here that one peer may bring in, in all its connections, and all peers together: what they
    /// are kept in is never emptied. One more closes the connection that it came by.
    std::size_t peer_atoms_max = 100'000, peers_atoms_max = 400'000;
    /// Whether a loss of one visible node by another makes those that know both disconnect from the one that was lost, so
    /// that all who are connected are connected with each other (kernel's parameter of that name). The same on all nodes.
    bool prevent_overlapping_partitions = true;
    /// Whether the groups of pg's default scope are shared with other nodes from the start (kernel's start_pg, which is off
    /// there); other scopes are by otp/pg.hpp.
    bool share_groups = true;
};

/// Makes the calling process's runtime that node, and keeps it so as long as the process that it gives lives.
///
/// Errors: `{bad_name, Text}`, `{bad_cookie, Text}`, `already_distributed`, `{insecure, Text}` (see there), `{bad_tls, Text}`
/// (what is wrong with a file), those of io::listen_tcp and of epmd_client::start_link (`{name_taken, Text}`),
/// `{cannot_create, Text}` (its file in discovery::folder).
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> start_link(options o);
/// As a child of a supervisor.
[[nodiscard]] BEAM_EXPORT child_start child(options o);

/// Connects to that node (net_kernel:connect_node/1). True: it is connected now; also to itself.
[[nodiscard]] BEAM_EXPORT awaitable<bool> connect(atom node);
/// Whether that node answers (net_adm:ping/1); connects first.
[[nodiscard]] BEAM_EXPORT awaitable<bool> ping(
    atom node, std::chrono::milliseconds limit = std::chrono::seconds(8));

/// A node that was ever spoken of.
struct peer_info {
    atom name;
    std::string state;  ///< `up`, `connecting`, `down`
    bool hidden = false;
    std::uint64_t bytes_waiting = 0;  ///< to be sent
    std::uint64_t links = 0, monitors = 0;
    std::string found_by;  ///< `list`, `dns`, `folder`; empty: nobody told this node of it
    std::string why;       ///< the last attempt to connect failed for that
    BEAM_FIELDS(peer_info, name, state, hidden, bytes_waiting, links, monitors, found_by, why)
};
[[nodiscard]] BEAM_EXPORT std::vector<peer_info> peers();

}  // namespace beam::dist
