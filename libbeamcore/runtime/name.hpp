// Local names (erlang:register, whereis) and process groups (OTP's pg).
#pragma once

#include <optional>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Registers `process` under `name`. Raises `badarg`: name taken, process has a name, process dead,
/// name `undefined`.
BEAM_EXPORT void register_name(atom name, pid process);
/// Errors as values for those who can act on them: false where register_name raises.
[[nodiscard]] BEAM_EXPORT bool try_register_name(atom name, pid process);
/// Raises `badarg` for an unknown name.
BEAM_EXPORT void unregister_name(atom name);
[[nodiscard]] BEAM_EXPORT std::optional<pid> whereis(atom name);
/// All names in use, in no order.
[[nodiscard]] BEAM_EXPORT std::vector<atom> registered_names();

/// Groups of processes, by name and scope, as OTP's pg: a process may join more than once and must then
/// leave as often; it leaves by dying; an empty group does not exist.
namespace pg {
BEAM_EXPORT void join(atom scope, const term& group, pid member);
/// False (`not_joined`) if it is not a member.
BEAM_EXPORT bool leave(atom scope, const term& group, pid member);
[[nodiscard]] BEAM_EXPORT std::vector<pid> get_members(atom scope, const term& group);
[[nodiscard]] BEAM_EXPORT std::vector<term> which_groups(atom scope);
}  // namespace pg

}  // namespace beam
