// A node's side of EPMD: being registered, and asking for others.
//
// Erlang starts the daemon where none runs. Here a node serves as the host's EPMD itself: whoever finds nobody listening
// listens, and of several that try at once exactly one can; the others register with it. When that which one is
// registered with ends, be it the daemon or a node, the same happens again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::dist {

/// The port of a node of that host, by the part of its name before the `@`.
///
/// Errors: `unknown_node`, `bad_answer`, `timeout`, and as io::connect_tcp (`econnrefused`: no EPMD there).
[[nodiscard]] BEAM_EXPORT awaitable<result<epmd_node>> epmd_look_up(
    std::string host, std::string name, std::uint16_t epmd_port = epmd_port_from_environment(),
    std::chrono::milliseconds limit = std::chrono::seconds(5));

/// All nodes of that host. Errors as epmd_look_up(), but for `unknown_node`.
[[nodiscard]] BEAM_EXPORT awaitable<result<std::vector<epmd_name>>> epmd_names_of(
    std::string host, std::uint16_t epmd_port = epmd_port_from_environment(),
    std::chrono::milliseconds limit = std::chrono::seconds(5));

struct epmd_registration {
    epmd_node node;
    std::uint16_t epmd_port = epmd_port_from_environment();
    std::string address = "127.0.0.1";  ///< where the EPMD of this host is
    /// Whether to serve where nobody does.
    bool may_serve = true;
    std::string serve_address;  ///< empty: at `address`
    /// How long the start may look for an EPMD; and how long one may take to answer.
    std::chrono::milliseconds limit{5000};
};

struct epmd_status {
    bool registered = false;
    bool serves = false;         ///< the EPMD of this host is in this node
    std::uint32_t creation = 0;  ///< of this node, for its life
    std::string trouble;         ///< why it is not registered
    BEAM_FIELDS(epmd_status, registered, serves, creation, trouble)
};

/// A process that keeps the node registered for as long as it lives.
namespace epmd_client {

/// Registers, and goes on doing so. Errors: `{Code, Text}`: `name_taken`; with may_serve false also `econnrefused`, ...;
/// `timeout`.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> start_link(epmd_registration what);
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> start(epmd_registration what);
/// As a child of a supervisor.
[[nodiscard]] BEAM_EXPORT child_start child(epmd_registration what);

[[nodiscard]] BEAM_EXPORT future<epmd_status> status(const server_ref& client);

}  // namespace epmd_client

}  // namespace beam::dist
