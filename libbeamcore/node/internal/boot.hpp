// Booting a node in a runtime: its supervision tree, then its applications.
#pragma once

#include <functional>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam {

/// Boots `context` in `node`, and waits until it serves clients. The context must outlive the runtime.
///
/// Errors: `application_failed`, `cannot_boot`, with a line for a person.
[[nodiscard]] BEAM_EXPORT result<void> boot_node(runtime& node, node_context& context);

/// Tells the lifecycle process that the parent has said something.
void notify_link(runtime& node);

}  // namespace beam
