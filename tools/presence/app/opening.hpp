// Sessions opened for a request, and waited for until all nodes see them.
#pragma once

#include <cstdint>
#include <string>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "tools/presence/app/session.hpp"
#include "tools/presence/app/view.hpp"

namespace presence {

/// The wall clock, in milliseconds since 1970.
[[nodiscard]] std::int64_t wall_ms();

/// The session of that user and id on this node, with its entry: made, or, if it is there, changed. Errors: it is there
/// and listens (1), or the plan does and it is there (1); the limits (75); it does not come to be within 5 s (75).
[[nodiscard]] beam::awaitable<asked<beam::pid>> open_session(session_plan plan,
                                                             session_change change);

/// Waits until the nodes that are up have what is here; no longer than a second, then false.
[[nodiscard]] beam::awaitable<bool> seen_by_all();

}  // namespace presence
