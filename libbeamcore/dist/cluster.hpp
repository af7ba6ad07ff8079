// The cluster that this node was told it belongs to: the default cluster of the tools, or a list (`beamd --dist-join`).
//
// That is configuration, not news: a member that is not up is one all the same, so that all members give keys the same owners.
// Who is connected is said by nodes() (runtime/nodes.hpp).
#pragma once

#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam::dist {

/// The members' full names (`name@host`), this node's among them, sorted: the same on all that were told the same. For as long
/// as the node is distributed it does not change. A node that was told of nobody, or that is not distributed, is alone: it
/// gives node(). Nodes found by a DNS name are no members. Called by a process.
[[nodiscard]] BEAM_EXPORT std::vector<atom> cluster_members();

/// Whether there is a connection to that node now; this one is up.
[[nodiscard]] BEAM_EXPORT bool is_node_up(atom node);

}  // namespace beam::dist
