// For the layer that shares the groups of a scope with other nodes (otp/pg_server.cpp): it is told of every change that
// processes here make, and puts in the members that other nodes have.
#pragma once

#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail {

/// To who shares the scope: these processes joined the one group, or left these (one process that died: each of its
/// groups, as often as it was in it).
struct group_change {
    bool joined = false;
    std::vector<pid> pids;
    std::vector<term> groups;
};

using members_by_group = std::vector<std::pair<term, std::vector<pid>>>;

/// Shares a scope: the caller gets a group_change for every change from now on. Gives the members there are.
[[nodiscard]] BEAM_EXPORT members_by_group share_groups(atom scope);
/// The end of it: members of other nodes leave. From any thread; nothing if another process has taken over.
BEAM_EXPORT void unshare_groups(runtime& node, atom scope, pid sharer) noexcept;

BEAM_EXPORT void remote_members_joined(atom scope, const term& group,
                                       const std::vector<pid>& members);
/// Those that are not in it are passed over.
BEAM_EXPORT void remote_members_left(atom scope, const term& group,
                                     const std::vector<pid>& members);

}  // namespace beam::detail
