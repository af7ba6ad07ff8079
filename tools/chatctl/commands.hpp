// The commands of chatctl: each asks the node and prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tools/common/tool.hpp"

namespace chatctl {

beam::tool::exit_code create_room(beam::client& node, const std::string& name);
beam::tool::exit_code delete_room(beam::client& node, const std::string& name);
beam::tool::exit_code crash_room(beam::client& node, const std::string& name);
beam::tool::exit_code list(beam::client& node);
beam::tool::exit_code users(beam::client& node);
/// `text` may be `-`: what stdin holds, byte for byte.
beam::tool::exit_code send(beam::client& node, const std::string& room, std::string text);
/// `since` is a duration as people type it, or empty.
beam::tool::exit_code history(beam::client& node, const std::string& room, const std::string& since,
                              std::optional<std::uint64_t> limit);
beam::tool::exit_code join(beam::client& node, const std::string& room,
                           const beam::tool::stream_limits& limits);

}  // namespace chatctl
