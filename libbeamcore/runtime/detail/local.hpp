// For the layers above: objects that belong to one runtime, and cheap questions about processes.
#pragma once

#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::detail {

/// The object kept under `key` (the address of a static) in `node`, made by `make` at the first call;
/// `destroy` runs at the end of ~runtime, when all processes are gone. Found again without a lock.
BEAM_EXPORT void* runtime_local(runtime& node, const void* key, void* (*make)(runtime&),
                                void (*destroy)(void*) noexcept);

/// From now on `call(context, p)` runs in the thread of each process that watch_end marked, when its code has ended
/// and its name, its links and its monitors have not heard of it. Cannot be taken back; `context` lives as long as the
/// runtime's processes.
BEAM_EXPORT void add_end_hook(runtime& node, void (*call)(void* context, const pid& ended) noexcept,
                              void* context);

/// Has the end hooks called for this process, once. False: it is dead, or so near its end that they may not be called.
/// By any thread.
[[nodiscard]] BEAM_EXPORT bool watch_end(runtime& node, const pid& p) noexcept;

/// Runs the job on a thread of the dirty pool; in deterministic mode as a step of its own.
BEAM_EXPORT void run_aside(runtime& node, callback<void()> job);

BEAM_EXPORT runtime& runtime_of(process_block* pb);

/// Charges the calling process so many reductions; nothing from a plain thread.
BEAM_EXPORT void charge_caller(int reductions) noexcept;

/// Whether a process of the caller's node has not begun to exit. A hint, as process_info is: no signal.
[[nodiscard]] BEAM_EXPORT bool pid_exists(pid p) noexcept;

/// The calling process's body; null for a coroutine, and in a plain thread.
[[nodiscard]] BEAM_EXPORT process_body* current_body() noexcept;

/// The calling process's own registered name.
[[nodiscard]] BEAM_EXPORT std::optional<atom> registered_name(process_block* pb);

}  // namespace beam::detail
