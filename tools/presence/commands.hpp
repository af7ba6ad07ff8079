// The commands of presence: each asks the node and prints.
#pragma once

#include <optional>
#include <string>

#include "tools/common/tool.hpp"

namespace presence::client {

/// What `login` and `listen` may say of a session. What is not said stays as it is, or is left out.
struct session_options {
    std::string user;  ///< empty: who acts (--as)
    std::string session;
    std::optional<std::string> topic, status;
    std::string meta;  ///< JSON
    std::string ttl;   ///< a duration as people type it
};

beam::tool::exit_code login(beam::client& node, const session_options& o);
beam::tool::exit_code logout(beam::client& node, const std::string& user,
                             const std::string& session);
beam::tool::exit_code kick(beam::client& node, const std::string& user);
/// 0 online, 1 offline.
beam::tool::exit_code status(beam::client& node, const std::string& user);
beam::tool::exit_code list(beam::client& node, const std::string& topic);
beam::tool::exit_code nodes(beam::client& node);
/// 0 if all nodes that were seen are up, 1 if one is down.
beam::tool::exit_code health(beam::client& node);

// -- streams.cpp --------------------------------------------------------------------------------------

beam::tool::exit_code watch(beam::client& node, const std::string& topic, bool changes,
                            const beam::tool::stream_limits& limits);
beam::tool::exit_code listen(beam::client& node, const session_options& o,
                             const beam::tool::stream_limits& limits);

/// The parameters that `o` makes, checked as far as a tool can.
[[nodiscard]] nlohmann::json params_of(const beam::client& node, const session_options& o);

}  // namespace presence::client
