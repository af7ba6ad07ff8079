// Local names (erlang:register, whereis).
#pragma once

#include <optional>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"

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

}  // namespace beam
