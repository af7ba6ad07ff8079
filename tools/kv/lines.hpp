// How kv's answers look as text, and what its words are as parameters.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/common/tool.hpp"

namespace kv::client {

/// A value as people see it: in quotes, with escapes; base64 for what is not text.
[[nodiscard]] std::string shown(const nlohmann::json& bytes);
[[nodiscard]] std::string print_ms(std::int64_t ms);
/// Throws a failure with exit 2 that names the option.
[[nodiscard]] std::int64_t milliseconds_of(const std::string& option, const std::string& text);
/// The node answers before the tool gives up, so that it can say what it knows. Starts the node if need be; the request is
/// the next one.
void add_timeout(beam::client& node, nlohmann::json& params);
/// The parameters, if they fit into a line of the protocol. Throws a failure with exit 2.
[[nodiscard]] nlohmann::json checked(nlohmann::json params);

}  // namespace kv::client
