// owners: which node keeps a user's notices.
//
// The members of the cluster are configured, not discovered: while one is down its users' notices wait for it, and
// no other node takes them over (their records are on its disk). Placing is as kv's (64 shards dealt to the members in
// turn), so that it can take over.
#pragma once

#include <string_view>
#include <vector>

#include "libbeamcore/term/atom.hpp"

namespace presence {

/// All nodes of the cluster, in the order that is the same on all of them; a node alone: itself.
[[nodiscard]] std::vector<beam::atom> members();
[[nodiscard]] beam::atom owner_of(std::string_view user);
/// The same for members given.
[[nodiscard]] beam::atom owner_among(const std::vector<beam::atom>& members, std::string_view user);

}  // namespace presence
