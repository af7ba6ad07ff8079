// observer on a terminal.
#pragma once

#include <chrono>

#include "tools/common/tool.hpp"
#include "tools/observer/view.hpp"

namespace observer {

/// Whether stdin and stdout are a terminal that can be drawn on.
[[nodiscard]] bool can_be_drawn_on();

/// Shows the view until `q`. Throws what the first question throws, before anything is drawn;
/// `interrupted` after Ctrl-C. The terminal is as it was before, either way.
beam::tool::exit_code run_view(beam::client& node, view v, std::chrono::nanoseconds every);

}  // namespace observer
