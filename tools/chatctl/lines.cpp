#include "tools/chatctl/lines.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace chatctl {

std::string shown_text(std::string_view text) {
    std::string line;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7F) {
            line += c;
        } else if (c == '\n') {
            line += "\\n";
        } else if (c == '\t') {
            line += "\\t";
        } else {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\x%02x", byte);
            line += escape;
        }
    }
    return line;
}

std::string message_line(const nlohmann::json& message) {
    return "[" + shown_text(message.at("room").get<std::string>()) + "] " +
           shown_text(message.at("from").get<std::string>()) + ": " +
           shown_text(message.at("text").get<std::string>());
}

std::string notice_line(std::string_view room, std::string_view what) {
    return "[" + shown_text(room) + "] -- " + std::string(what) + " --";
}

}  // namespace chatctl
