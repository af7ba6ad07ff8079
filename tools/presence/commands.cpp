#include "tools/presence/commands.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/json_line.hpp"
#include "tools/presence/lines.hpp"

namespace presence::client {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::shown_text;
using nlohmann::json;

namespace {

failure bad_value(const std::string& option, const std::string& value, std::string why) {
    failure error(exit_code::usage, std::move(why));
    error.what_failed = option + " " + value;
    return error;
}

/// The user that a command names, or who acts.
std::string user_of(const client& node, const std::string& user) {
    return user.empty() ? node.common()->user : user;
}

void add_line(std::string& text, const std::string& line) {
    if (!text.empty()) text += '\n';
    text += line;
}

}  // namespace

std::int64_t milliseconds_of(const std::string& option, const std::string& text) {
    const auto read = beam::parse_duration(text);
    if (!read) throw bad_value(option, text, "not a duration, as 30s, 10m or 1h30m");
    return std::chrono::ceil<std::chrono::milliseconds>(*read).count();
}

json params_of(const client& node, const session_options& o) {
    json params = {{"user", user_of(node, o.user)}};
    if (!o.session.empty()) params["session"] = o.session;
    if (o.topic) params["topic"] = *o.topic;
    if (o.status) params["status"] = *o.status;
    if (!o.ttl.empty()) params["ttl_ms"] = milliseconds_of("--ttl", o.ttl);
    if (!o.meta.empty()) {
        auto meta = beam::tool::parse_line(o.meta);
        if (!meta || !meta->is_object())
            throw bad_value("--meta", o.meta, "not a JSON object, as {\"mood\":\"good\"}");
        params["meta"] = *std::move(meta);
    }
    return params;
}

exit_code login(client& node, const session_options& o) {
    const json session = node.ask("presence.login", params_of(node, o));
    node.common()->print("ok", session);
    return exit_code::done;
}

exit_code logout(client& node, const std::string& user, const std::string& session) {
    const json answer =
        node.ask("presence.logout", {{"user", user_of(node, user)}, {"session", session}});
    node.common()->print("ok", answer);
    return exit_code::done;
}

exit_code kick(client& node, const std::string& user) {
    const json answer = node.ask("presence.kick", {{"user", user}, {"as", node.common()->user}});
    node.common()->print(shown_text(user) + " kicked (sessions=" +
                             std::to_string(answer.at("sessions").get<std::uint64_t>()) + ")",
                         answer);
    return exit_code::done;
}

exit_code status(client& node, const std::string& user) {
    const json answer = node.ask("presence.status", {{"user", user}, {"as", node.common()->user}});
    const bool online = answer.at("online").get<bool>();
    node.common()->print(online ? "online" + where_text(answer) : "offline", answer);
    return online ? exit_code::done : exit_code::no;
}

exit_code list(client& node, const std::string& topic) {
    std::string text;
    json users = json::array();
    const json params = {{"topic", topic}, {"as", node.common()->user}};
    const auto on_item = [&](const json& item) {
        for (const json& user : item.at("users")) {
            if (node.common()->json)
                users.push_back(user);
            else
                add_line(text, shown_text(user.at("user").get<std::string>()) + where_text(user));
        }
        return true;
    };
    node.set_deadline(node.common()->until());
    (void)node.stream("presence.list", params, on_item);
    node.common()->print(text, {{"users", std::move(users)}});
    return exit_code::done;
}

exit_code nodes(client& node) {
    const json answer = node.ask("presence.nodes", {{"as", node.common()->user}});
    std::string text;
    for (const json& n : answer.at("nodes")) add_line(text, node_line(n));
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code health(client& node) {
    const json answer = node.ask("presence.health", {{"as", node.common()->user}});
    const bool healthy = answer.at("healthy").get<bool>();
    node.common()->print(health_line(answer), answer);
    return healthy ? exit_code::done : exit_code::no;
}

}  // namespace presence::client
