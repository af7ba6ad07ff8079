// Bytes in the protocol's JSON: a string, or {"$b64":...} for what is not UTF-8.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace beam::tool {

[[nodiscard]] nlohmann::json bytes_json(std::string_view bytes);
/// {"$b64":...} whatever they are.
[[nodiscard]] nlohmann::json base64_json(std::string_view bytes);
/// Back. Throws a failure with exit 76 for anything else.
[[nodiscard]] std::string bytes_of(const nlohmann::json& value);

}  // namespace beam::tool
