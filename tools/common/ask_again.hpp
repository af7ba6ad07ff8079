// Requests that may be asked again without harm, since the node knows them by a key.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tools/common/client.hpp"

namespace beam::tool {

/// 32 hexadecimal digits that nobody had before.
[[nodiscard]] std::string fresh_key();

/// Asks until there is an answer or --timeout is over, through restarts of the node. Throws as client::ask() does.
nlohmann::json ask_through_restarts(client& node, std::string_view method,
                                    const nlohmann::json& params);

}  // namespace beam::tool
