#include "tools/presence/lines.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"

namespace presence::client {

using beam::tool::shown_text;
using nlohmann::json;

namespace {

std::string text_of(const json& object, const char* member) {
    return shown_text(object.at(member).get<std::string>());
}
std::string number_of(const json& object, const char* member) {
    return std::to_string(object.at(member).get<std::uint64_t>());
}

}  // namespace

std::string where_text(const json& user) {
    std::string text = " (via " + text_of(user, "via") + ")";
    const json& status = user.at("status");
    if (status.is_string()) text += ": " + shown_text(status.get<std::string>());
    return text;
}

std::string node_line(const json& node) {
    const std::chrono::milliseconds heard(node.at("last_heard_ms").get<std::int64_t>());
    std::string line = text_of(node, "name") + ": " + text_of(node, "state") +
                       " entries=" + number_of(node, "entries") +
                       " version=" + number_of(node, "version");
    if (node.at("missing").get<std::uint64_t>() > 0)
        line += " missing=" + number_of(node, "missing");
    return line + " last_heard=" + beam::print_duration(heard) +
           " incarnation=" + text_of(node, "incarnation");
}

std::string health_line(const json& health) {
    if (health.at("healthy").get<bool>())
        return "healthy (nodes=" + number_of(health, "up") +
               " sessions=" + number_of(health, "sessions") + ")";
    std::string down;
    for (const json& name : health.at("down"))
        down += (down.empty() ? "" : ",") + shown_text(name.get<std::string>());
    return "degraded (down=" + down + ")";
}

std::string event_line(const json& event) {
    return text_of(event, "event") + " " + text_of(event, "user") + "/" +
           text_of(event, "session") + where_text(event);
}

std::string notice_line(const json& notice) {
    return text_of(notice, "from") + ": " + text_of(notice, "text");
}

std::string waiting_line(const json& waiting) {
    std::string line = text_of(waiting, "user") + ": waiting=" + number_of(waiting, "waiting");
    if (const json& oldest = waiting.at("oldest_ms"); oldest.is_number()) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const auto age = now - std::chrono::milliseconds(oldest.get<std::int64_t>());
        line += " oldest=" + beam::print_duration(std::max<std::chrono::nanoseconds>(age, {}));
    }
    if (waiting.at("expired").get<std::uint64_t>() > 0)
        line += " expired=" + number_of(waiting, "expired");
    return line;
}

std::string queued_line(const json& message) {
    return text_of(message, "id") + " " + text_of(message, "state") + " " + notice_line(message);
}

std::string receipt_line(const json& receipt) {
    return text_of(receipt, "state") + " (user=" + text_of(receipt, "user") + ")";
}

}  // namespace presence::client
