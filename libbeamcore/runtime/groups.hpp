// Process groups, as OTP's pg: groups of a scope, and who is in them.
//
//     beam::pg::join("rooms", tuple(atom("room"), 7), me.id());
//     for (pid p : beam::pg::get_members("rooms", tuple(atom("room"), 7))) beam::send(p, hello{});
//
// A process may join more than once and must then leave as often; it leaves all groups by dying. A group without
// members does not exist. Scopes have nothing to do with each other. A scope is this node's alone until it is shared:
// then the members that other nodes have are in it too, Erlang's as well (otp/pg.hpp).
//
// Nothing here waits: the groups are a table that all processes read and change.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::pg {

/// The scope that OTP means where none is named: `pg`.
[[nodiscard]] BEAM_EXPORT atom default_scope();

/// Has a process of this node join a group (pg:join/3). One that is dead is in no group afterwards. Raises
/// `{nolocal, Pid}` for a pid of another node: each node says who of its own is in a group.
BEAM_EXPORT void join(atom scope, const term& group, pid member);
/// Several at once; the same one twice joins twice.
BEAM_EXPORT void join(atom scope, const term& group, std::span<const pid> members);

/// Takes one membership back (pg:leave/3). False (`not_joined`): it is not a member. Raises as join().
BEAM_EXPORT bool leave(atom scope, const term& group, pid member);
/// False if none of them was a member.
BEAM_EXPORT bool leave(atom scope, const term& group, std::span<const pid> members);

/// The members on all nodes, once for each time they joined, the oldest first as seen here.
[[nodiscard]] BEAM_EXPORT std::vector<pid> get_members(atom scope, const term& group);
/// Those of this node.
[[nodiscard]] BEAM_EXPORT std::vector<pid> get_local_members(atom scope, const term& group);
/// The groups that have members, in the order of terms.
[[nodiscard]] BEAM_EXPORT std::vector<term> which_groups(atom scope);

/// What who monitors a scope or a group is sent: `{Ref, join, Group, Pids}`.
struct joined_message {
    ref monitor;
    term group;
    std::vector<pid> pids;
    BEAM_FIELDS(joined_message, monitor, group, pids)
};
/// `{Ref, leave, Group, Pids}`; also of members that died, or whose node is no longer connected.
struct left_message {
    ref monitor;
    term group;
    std::vector<pid> pids;
    BEAM_FIELDS(left_message, monitor, group, pids)
};

struct watched_group {
    ref monitor;
    std::vector<pid> members;  ///< when it was begun: all later changes are told
};
/// Tells the caller of who joins and leaves a group from now on, until demonitor() or its end (pg:monitor/2).
[[nodiscard]] BEAM_EXPORT watched_group monitor(atom scope, const term& group);

struct watched_scope {
    ref monitor;
    std::map<term, std::vector<pid>, bool (*)(const term&, const term&)> groups;
};
/// The same for all groups of a scope (pg:monitor_scope/1).
[[nodiscard]] BEAM_EXPORT watched_scope monitor_scope(atom scope);

/// Ends a monitor. What it has told already and the caller has not received may still be in the mailbox: compare
/// references. False: there is no such monitor in the scope.
BEAM_EXPORT bool demonitor(atom scope, const ref& monitor);

}  // namespace beam::pg

BEAM_EXPORTED_DESCRIPTOR(beam::pg::joined_message);
BEAM_EXPORTED_DESCRIPTOR(beam::pg::left_message);
