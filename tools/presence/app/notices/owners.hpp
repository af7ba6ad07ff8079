// owners: where a user's notices are kept, and which node keeps them.
//
// On disk: a node of the cluster, chosen by the user's name. The members of the cluster are configured, not discovered: while one
// is down its users' notices wait for it, and no other node takes them over. In kv: the node whose copy of the user's shard
// is the primary, whichever that is, so that another goes on when one dies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/term/atom.hpp"
#include "tools/presence/app/notices/records.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

/// kv, once this node has been of a cluster of kv's; that is the same on all its nodes. One look at the disk.
[[nodiscard]] place place_now();

/// Who keeps a user's notices now.
struct owner {
    place where = place::disk;
    beam::atom node;
    std::uint32_t shard = 0;  ///< in kv
};
/// Error: in kv, the primary's node is down, or kv has not found its cluster yet: `unavailable` (69).
[[nodiscard]] beam::awaitable<asked<owner>> find_owner(std::string user);

/// All nodes of the cluster, in the order that is the same on all of them; a node alone: itself.
[[nodiscard]] std::vector<beam::atom> members();
/// Of the members given, who keeps a user's notices on its disk.
[[nodiscard]] beam::atom owner_among(const std::vector<beam::atom>& members, std::string_view user);

/// Why what is kept could not be read or written, for people. The kinds that another try may help: `unavailable` (69), `moving`
/// (75), `overloaded` (75).
[[nodiscard]] tl::unexpected<beam::request_error> refuse_kept(const beam::term& why,
                                                              const std::string& user);
/// Of such a kind.
[[nodiscard]] bool may_pass(const beam::request_error& e);

}  // namespace presence
