// What stdin holds, for a VALUE or TEXT that is "-".
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace beam::tool {

/// All of it, byte for byte; nothing if that is more than `max` bytes. Throws a failure with exit 74 if it cannot be read.
[[nodiscard]] std::optional<std::string> read_stdin(std::size_t max);

/// A message of at most `max` bytes. More is a failure with exit 2.
[[nodiscard]] std::string message_on_stdin(std::size_t max);

}  // namespace beam::tool
