#include "libbeamcore/dist/cluster.hpp"

#include "libbeamcore/dist/internal/net_kernel.hpp"
#include "libbeamcore/runtime/nodes.hpp"

namespace beam::dist {

std::vector<atom> cluster_members() {
    const detail::peers* all = detail::peers_of(this_process().node());
    if (!all || all->known().members().empty()) return {node()};
    return all->known().members();
}

bool is_node_up(atom node) {
    if (node == beam::node()) return true;
    detail::peers* all = detail::peers_of(this_process().node());
    return all && all->of(node).current_state() == detail::peer::state::up;
}

}  // namespace beam::dist
