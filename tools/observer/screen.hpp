// A view and what the node said, drawn: exactly as many lines as the terminal has rows, none too wide.
#pragma once

#include "tools/observer/view.hpp"

namespace observer {

[[nodiscard]] lines screen_of(const view& v, const snapshot& s);

}  // namespace observer
