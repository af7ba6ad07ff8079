#include "tools/chatctl/lines.hpp"

#include <nlohmann/json.hpp>

namespace chatctl {

std::string message_line(const nlohmann::json& message) {
    return "[" + shown_text(message.at("room").get<std::string>()) + "] " +
           shown_text(message.at("from").get<std::string>()) + ": " +
           shown_text(message.at("text").get<std::string>());
}

std::string notice_line(std::string_view room, std::string_view what) {
    return "[" + shown_text(room) + "] -- " + std::string(what) + " --";
}

}  // namespace chatctl
