// Numbers and names as observer writes them, and how much room they take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace observer {

/// `300`, `1.5K`, `12M`: powers of 1024, three digits at most.
[[nodiscard]] std::string size_text(std::uint64_t bytes);
/// `2m10s`, `350ms`; from ten seconds on in whole seconds.
[[nodiscard]] std::string uptime_text(std::int64_t ms);

/// How many columns of a terminal the text takes.
[[nodiscard]] std::size_t width_of(std::string_view text);
/// At most `columns` wide; what was cut off is shown by `…`.
[[nodiscard]] std::string cut(std::string_view text, std::size_t columns);
/// At least `columns` wide, with blanks after (or, `right`, before) the text.
[[nodiscard]] std::string pad(std::string_view text, std::size_t columns, bool right = false);

/// A value of an answer, made safe to show; empty for null.
[[nodiscard]] std::string shown_value(const nlohmann::json& value);
/// A member of an answer; empty for null or none.
[[nodiscard]] std::string text_of(const nlohmann::json& object, const char* key);
[[nodiscard]] std::int64_t number_of(const nlohmann::json& object, const char* key);
[[nodiscard]] std::string number_text(const nlohmann::json& object, const char* key);

}  // namespace observer
