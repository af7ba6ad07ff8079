// Discovery: which nodes there are, and where a node of that name listens.
//
// Erlang asks the EPMD of the host in the name, and connects when somebody sends. Besides that, a node may be told of others:
// by a list, by a name of the DNS, by a folder. Those it connects to by itself, and again after the connection was lost, with
// pauses that grow to ten seconds. (libcluster's strategies Epmd and DNSPoll, dns_cluster)
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/epmd_protocol.hpp"
#include "libbeamcore/dist/node_list.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist {

struct discovery {
    std::vector<listed_node> nodes;
    std::vector<listed_dns_name> dns_names;
    std::chrono::milliseconds dns_interval{5000};
    /// Where this node and `members` write where they listen (node_folder.hpp); empty: it writes nothing.
    std::string folder;
    /// Nodes that are looked for in the folder, and nowhere else; `name@host`. This one may be among them.
    std::vector<std::string> members;
    /// Whether this node registers with EPMD, so that nodes that were told nothing find it.
    bool registers = true;
    std::uint16_t epmd_port = epmd_port_from_environment();

    /// Whether there is anybody to connect to without being asked.
    [[nodiscard]] bool joins() const {
        return !nodes.empty() || !dns_names.empty() || !members.empty();
    }
};

/// Where that node listens. The first that knows it says so: the folder for a member; a list with its address; a DNS name with
/// a port, for a node of its prefix at an address; the EPMD of the host.
///
/// Errors: as read_node_file() for a member, else as epmd_look_up().
[[nodiscard]] BEAM_EXPORT awaitable<result<node_address>> find_node(discovery how,
                                                                    std::string name);

/// `PREFIX@ADDRESS` for each address that the name has now. Errors: `unknown_host`, with what the resolver says.
[[nodiscard]] BEAM_EXPORT awaitable<result<std::vector<std::string>>> resolve_dns_name(
    listed_dns_name name);

}  // namespace beam::dist
