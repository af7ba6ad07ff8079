// Arguments of commands as redis reads them, and the words that are said of them when they are none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace resp {

/// Those of one command, its name counted; gone when the command returns.
using arguments = std::span<const std::string_view>;

inline constexpr std::string_view syntax_error = "ERR syntax error";
inline constexpr std::string_view not_an_integer = "ERR value is not an integer or out of range";

/// `a` to `z` as `A` to `Z`, all else as it is.
[[nodiscard]] inline char capital(char c) {
    return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
}
/// The other way round.
[[nodiscard]] std::string small(std::string_view name);

[[nodiscard]] bool equals(std::string_view argument, std::string_view capitals);
/// No plus sign, no space, no zero in front.
[[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view argument);

}  // namespace resp
