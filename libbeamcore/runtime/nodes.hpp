// Nodes: which one this is, which others are connected, and news of them (erlang:node/0, nodes/1,
// monitor_node/2, net_kernel:monitor_nodes/1).
//
// How nodes find and reach each other is the `dist` layer's; without it a runtime is `nonode@nohost` and alone.
#pragma once

#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// This node: `name@host`, or `nonode@nohost` while it is not distributed (node/0).
[[nodiscard]] BEAM_EXPORT atom node();
/// The node a pid is of (node/1).
[[nodiscard]] BEAM_EXPORT atom node(const pid& p);

enum class node_kind {
    visible,    ///< those that take part in `global` and in nodes/0
    hidden,     ///< either side asked not to be seen
    connected,  ///< both
};
/// The connected nodes, this one not among them, in the order they came.
[[nodiscard]] BEAM_EXPORT std::vector<atom> nodes(node_kind which = node_kind::visible);
/// Whether that node is connected now, visible or not: for what is to be sent only then, since a signal connects.
[[nodiscard]] BEAM_EXPORT bool is_connected(atom node);

/// A node was connected. To those who called monitor_nodes. `{nodeup, Node}`.
struct nodeup_message {
    atom node;
    BEAM_FIELDS(nodeup_message, node)
};
/// A connection was lost; `reason` is why: `connection_closed`, `net_tick_timeout`, `disconnect`, ... To those who called
/// monitor_nodes, and once for each monitor_node. `{nodedown, Node}`.
struct nodedown_message {
    atom node;
    term reason;
    BEAM_FIELDS(nodedown_message, node, reason)
};

/// Watches one node, as monitor_node(Node, true): one nodedown_message when its connection is lost, or, after an
/// attempt to connect, when it cannot be reached. Each call counts, and each call with false takes one back. Ends
/// with the caller.
BEAM_EXPORT void monitor_node(atom node, bool on = true);
/// nodeup_message and nodedown_message for every visible node from now on (net_kernel:monitor_nodes). Calls count, as
/// above. Ends with the caller. `which` as in nodes().
BEAM_EXPORT void monitor_nodes(bool on = true, node_kind which = node_kind::visible);

/// Closes the connection to that node, as if it had been lost (disconnect_node/1). False: there was none.
BEAM_EXPORT bool disconnect_node(atom node);

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::nodeup_message);
BEAM_EXPORTED_DESCRIPTOR(beam::nodedown_message);
