// Whether to colour. Colour never carries meaning alone.
#pragma once

namespace beam::tool {

enum class color_when { automatic, always, never };

/// Whether output to the descriptor `fd` is coloured: `--color` beats all; CLICOLOR_FORCE or
/// FORCE_COLOR other than `0` or empty turns it on; else it must be a tty, TERM not `dumb`, and
/// NO_COLOR unset or empty.
[[nodiscard]] bool wants_color(color_when when, int fd);

/// The same decision for a stream of which it is known whether it is a tty.
[[nodiscard]] bool wants_color_on(color_when when, bool is_tty);

}  // namespace beam::tool
