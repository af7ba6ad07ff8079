// Patterns for keys, as redis has them.
#pragma once

#include <string_view>

namespace resp {

/// `*` any bytes, `?` one, `[a-z]` one of them, `[^a]` one that is none of them, `\x` x itself. Takes time in
/// proportion to both lengths multiplied, at worst.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

}  // namespace resp
