// One line of the protocol, read defensively and written safely.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace beam::tool {

inline constexpr int json_depth_max = 64;

/// Parses a line. Nothing if it is not JSON, not UTF-8, or nested deeper than 64.
[[nodiscard]] std::optional<nlohmann::json> parse_line(std::string_view line);

/// The value on one line, without a newline. Nothing if a string in it is not UTF-8.
[[nodiscard]] std::optional<std::string> strict_line(const nlohmann::json& value);

/// The value on one line, without a newline. Invalid UTF-8 in strings is replaced, never thrown on.
[[nodiscard]] std::string dump_line(const nlohmann::json& value);

}  // namespace beam::tool
