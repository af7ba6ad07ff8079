// How chatctl shows things as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tools/common/shown_text.hpp"

namespace chatctl {

using beam::tool::shown_text;

/// `[general] user42: hello`
[[nodiscard]] std::string message_line(const nlohmann::json& message);
/// `[general] -- the room was deleted --`
[[nodiscard]] std::string notice_line(std::string_view room, std::string_view what);

}  // namespace chatctl
