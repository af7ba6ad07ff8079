// Sharing process groups (runtime/groups.hpp) with other nodes, by the protocol of OTP's pg: beamcore's nodes and Erlang's
// see each other's members.
//
//     children.push_back(beam::supervisor::child_of(atom("groups"), beam::pg::child("rooms")));
//
// The process has the scope's name. With those of the same name on the visible nodes it exchanges members: what one
// node has joined the others see soon, in an order that may differ from node to node (OTP says: strong eventual
// consistency). Who dies leaves everywhere; with a lost connection all members of that node leave, and are back when it is.
// Membership is not passed on: a node sees the members of those it is connected with.
//
// When the process ends, members of other nodes leave here, and those here leave there; restarted, it shares again what
// there is (OTP forgets local members then).
#pragma once

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::pg {

/// Shares a scope; the process is linked to the caller. Error: `{already_started, Pid}`. (pg:start_link/1)
[[nodiscard]] BEAM_EXPORT outcome<pid> start_link(atom scope = default_scope());
/// As a child of a supervisor.
[[nodiscard]] BEAM_EXPORT child_start child(atom scope = default_scope());

}  // namespace beam::pg
