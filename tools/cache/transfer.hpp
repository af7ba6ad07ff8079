// Values on their way between the tool and the node: any bytes, of any length that is allowed.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tools/common/bytes_json.hpp"
#include "tools/common/tool.hpp"

namespace cache {

using beam::tool::bytes_json;
using beam::tool::bytes_of;

/// What stdin holds, byte for byte. Throws a failure with exit 1 for more than 512 MiB.
[[nodiscard]] std::string all_of_stdin();

/// Asks for `cache.put` with that value, in parts where it is long. `params` has the rest.
nlohmann::json put_value(beam::client& node, nlohmann::json params, std::string_view value);

/// The value in an answer, fetched in parts where the answer only says how long it is.
[[nodiscard]] std::string value_in(beam::client& node, const std::string& key,
                                   const nlohmann::json& answer);

}  // namespace cache
