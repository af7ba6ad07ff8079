#include "tools/chatctl/commands.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/lines.hpp"
#include "tools/common/ask_again.hpp"
#include "tools/common/standard_input.hpp"

namespace chatctl {

using beam::client;
using beam::tool::ask_through_restarts;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::fresh_key;
using beam::tool::message_on_stdin;
using nlohmann::json;

exit_code create_room(client& node, const std::string& name) {
    const json room = node.ask("chat.create_room", {{"room", name}});
    node.common()->print("room " + name + ": pid=" + room.at("pid").get<std::string>(), room);
    return exit_code::done;
}

exit_code delete_room(client& node, const std::string& name) {
    const json room = node.ask("chat.delete_room", {{"room", name}});
    node.common()->print("room " + name + " deleted", room);
    return exit_code::done;
}

exit_code crash_room(client& node, const std::string& name) {
    const json room = node.ask("chat.crash_room", {{"room", name}});
    node.common()->print("room " + name + " crashed; supervisor restarted it", room);
    return exit_code::done;
}

exit_code list(client& node) {
    const json answer = node.ask("chat.list");
    std::string text;
    for (const json& room : answer.at("rooms")) {
        if (!text.empty()) text += '\n';
        text += shown_text(room.at("room").get<std::string>()) +
                ": pid=" + room.at("pid").get<std::string>() +
                " users=" + std::to_string(room.at("users").get<std::uint64_t>()) +
                " messages=" + std::to_string(room.at("messages").get<std::uint64_t>());
    }
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code users(client& node) {
    const json answer = node.ask("chat.users");
    std::string text;
    for (const json& line : answer.at("users")) {
        if (!text.empty()) text += '\n';
        text += shown_text(line.at("user").get<std::string>()) + " in " +
                shown_text(line.at("room").get<std::string>());
    }
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code send(client& node, const std::string& room, std::string text) {
    if (text == "-") text = message_on_stdin(chat::text_max);
    const json params = {
        {"room", room}, {"text", text}, {"user", node.common()->user}, {"key", fresh_key()}};
    const json message = ask_through_restarts(node, "chat.send", params);
    node.common()->print(message_line(message), message);
    return exit_code::done;
}

exit_code history(client& node, const std::string& room, const std::string& since,
                  std::optional<std::uint64_t> limit) {
    json params = {{"room", room}};
    if (limit) params["limit"] = *limit;
    if (!since.empty()) {
        const auto age = beam::parse_duration(since);
        if (!age) {
            failure error(exit_code::usage, "not a duration, as 250ms, 10s or 1m30s");
            error.what_failed = "--since " + since;
            throw error;
        }
        const auto now = std::chrono::system_clock::now() - *age;
        params["since_ms"] =
            std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    }
    const json answer = node.ask("chat.history", params);
    std::string text;
    for (const json& message : answer.at("messages"))
        text += (text.empty() ? "" : "\n") + message_line(message);
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code join(client& node, const std::string& room, const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    json read;          // how far, as the node says it: epochs, and the last seq of each
    bool back = false;  // the node, not only the room, was restarted
    auto line = [&](const std::string& text, const json& item) {
        if (common.quiet) return;
        common.out.flushed_line(common.json ? item.dump() : text);
    };
    beam::tool::followed_stream stream;
    stream.method = "chat.join";
    stream.limits = limits;
    stream.params = [&] {
        json params = {{"room", room}, {"user", common.user}};
        if (!read.empty()) params["read"] = read;
        return params;
    };
    stream.on_reconnected = [&] { back = true; };
    stream.on_item = [&](const json& item) {
        const std::string event = item.value("event", "");
        if (event.empty()) {
            read[std::to_string(item.at("epoch").get<std::uint64_t>())] = item.at("seq");
            line(message_line(item), item);
        } else if (event == "joined") {
            if (read.empty()) read = item.at("read");
            if (back) line(notice_line(room, "the node restarted"), item);
            back = false;
        } else if (event == "restarted") {
            line(notice_line(room, "the room crashed and was restarted"), item);
        } else if (event == "moved") {
            line(notice_line(room, "the room moved to " + item.value("node", "")), item);
        } else if (event == "missed") {
            line(notice_line(room, std::to_string(item.value("count", std::uint64_t{0})) +
                                       " older messages are not kept any more"),
                 item);
        } else if (event == "deleted") {
            line(notice_line(room, "the room was deleted"), item);
        }
        return true;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

}  // namespace chatctl
