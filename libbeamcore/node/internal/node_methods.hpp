// The methods of the node itself: `node.status` and what observers ask.
#pragma once

#include <string_view>

#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/release/method.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::control {

/// Answered by the connection itself; null if it is not such a method.
using quick_method = answer (*)(node_context& node, const term& params);
[[nodiscard]] quick_method find_quick_method(std::string_view name);

/// Run in a process of its own, as an application's; null if there is none of that name.
[[nodiscard]] method_handler* find_node_method(std::string_view name);

[[nodiscard]] term hello_answer(const node_context& node);

/// When a node leaves by itself, in words.
[[nodiscard]] std::string stops_when(const node_context& node);

}  // namespace beam::control
