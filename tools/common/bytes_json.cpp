#include "tools/common/bytes_json.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "libbeamcore/base/base64.hpp"
#include "libbeamcore/base/utf8.hpp"
#include "tools/common/failure.hpp"

namespace beam::tool {

using nlohmann::json;

json bytes_json(std::string_view bytes) {
    if (is_valid_utf8(bytes)) return std::string(bytes);
    return base64_json(bytes);
}

json base64_json(std::string_view bytes) {
    return {{"$b64", base64_encode(bytes)}};
}

std::string bytes_of(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_object() && value.contains("$b64")) {
        auto bytes = base64_decode(value.at("$b64").get<std::string>());
        if (bytes) return *std::move(bytes);
    }
    throw failure(exit_code::protocol, "the node's answer has no value in it", "beamd restart");
}

}  // namespace beam::tool
