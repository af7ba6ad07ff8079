// For the layers above: objects that belong to one runtime, and cheap questions about processes.
#pragma once

#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::detail {

/// The object kept under `key` (the address of a static) in `node`, made by `make` at the first call;
/// `destroy` runs at the end of ~runtime, when all processes are gone. Found again without a lock.
BEAM_EXPORT void* runtime_local(runtime& node, const void* key, void* (*make)(runtime&),
                                void (*destroy)(void*) noexcept);

BEAM_EXPORT runtime& runtime_of(process_block* pb);

/// Whether a process of the caller's node has not begun to exit. A hint, as process_info is: no signal.
[[nodiscard]] BEAM_EXPORT bool pid_exists(pid p) noexcept;

/// The calling process's own registered name.
[[nodiscard]] BEAM_EXPORT std::optional<atom> registered_name(process_block* pb);

}  // namespace beam::detail
