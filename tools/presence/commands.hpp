// The commands of presence: each asks the node and prints.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

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
/// `acknowledges`: what is printed is done with. The limits count messages.
beam::tool::exit_code listen(beam::client& node, const session_options& o, bool acknowledges,
                             const beam::tool::stream_limits& limits);

// -- notices.cpp --------------------------------------------------------------------------------------

struct notify_options {
    std::string user, text;  ///< the text `-`: what stdin holds, byte for byte
    std::string id;          ///< empty: a new one
    std::string ttl;         ///< a duration as people type it, or empty
    std::string until;       ///< `delivered`, `acknowledged`, or empty
};

/// 0; with `until` 1 if it has not come to that in time.
beam::tool::exit_code notify(beam::client& node, const notify_options& o);
/// Of one user, or who has something waiting.
beam::tool::exit_code queue(beam::client& node, const std::string& user);
beam::tool::exit_code ack(beam::client& node, const std::vector<std::string>& ids, bool all);
beam::tool::exit_code receipt(beam::client& node, const std::string& id);

// -- for all of them ----------------------------------------------------------------------------------

/// What an option was given as a duration. Throws a failure with exit 2.
[[nodiscard]] std::int64_t milliseconds_of(const std::string& option, const std::string& text);
/// The parameters that `o` makes, checked as far as a tool can.
[[nodiscard]] nlohmann::json params_of(const beam::client& node, const session_options& o);

}  // namespace presence::client
