// peers: how a process reaches those of the same name on other nodes, and learns which nodes there are.
#pragma once

#include <memory>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// What trackers and topics need of the distribution. Tests put a network of their own in its place. Called by
/// the process concerned, from any thread.
class BEAM_EXPORT peers {
public:
    peers() = default;
    peers(const peers&) = delete;
    peers& operator=(const peers&) = delete;
    virtual ~peers();

    /// This node's name.
    [[nodiscard]] virtual atom self() const = 0;
    /// The nodes that are connected. The caller gets nodeup_message and nodedown_message from now on.
    [[nodiscard]] virtual std::vector<atom> watch() = 0;
    /// Sends to the process registered as `name` on `node`. Never waits; dropped if it is not there.
    virtual void send(atom node, atom name, term what) = 0;
};

/// The nodes that this runtime is connected with, hidden ones too (runtime/nodes.hpp). A node that begins to be
/// distributed later must start its trackers after that.
[[nodiscard]] BEAM_EXPORT std::shared_ptr<peers> connected_nodes();

}  // namespace beam
