// How chatctl shows things as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace chatctl {

/// One line whatever is in it: control characters become escapes.
[[nodiscard]] std::string shown_text(std::string_view text);
/// `[general] user42: hello`
[[nodiscard]] std::string message_line(const nlohmann::json& message);
/// `[general] -- the room was deleted --`
[[nodiscard]] std::string notice_line(std::string_view room, std::string_view what);

}  // namespace chatctl
