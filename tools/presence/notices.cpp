// The commands for messages: notify, queue, ack, receipt.
#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/ask_again.hpp"
#include "tools/common/standard_input.hpp"
#include "tools/presence/app/notices/notice.hpp"
#include "tools/presence/commands.hpp"
#include "tools/presence/lines.hpp"

namespace presence::client {

using beam::client;
using beam::tool::ask_through_restarts;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::fresh_key;
using beam::tool::message_on_stdin;
using nlohmann::json;

namespace {

/// How long the node may wait for the state that --until wants: a little less than the command.
std::int64_t patience_ms(const client& node) {
    using namespace std::chrono_literals;
    constexpr std::chrono::nanoseconds a_day = 24h;
    const auto left = std::min<std::chrono::nanoseconds>(node.common()->until().left(), a_day);
    return std::chrono::duration_cast<std::chrono::milliseconds>(left - left / 10).count();
}

}  // namespace

exit_code notify(client& node, const notify_options& o) {
    json params = {{"user", o.user},
                   {"as", node.common()->user},
                   {"text", o.text == "-" ? message_on_stdin(limits::text_max) : o.text},
                   {"id", o.id.empty() ? fresh_key() : o.id}};
    if (!o.ttl.empty()) params["ttl_ms"] = milliseconds_of("--ttl", o.ttl);
    if (!o.until.empty()) {
        params["until"] = o.until;
        params["wait_ms"] = patience_ms(node);
    }
    const json receipt = ask_through_restarts(node, "presence.notify", params);
    const auto state = receipt.at("state").get<std::string>();
    node.common()->print(state, receipt);
    const bool reached = state == "acknowledged" || o.until.empty() || state == o.until;
    return reached ? exit_code::done : exit_code::no;
}

exit_code queue(client& node, const std::string& user) {
    const json answer = node.ask("presence.queue", {{"user", user}, {"as", node.common()->user}});
    std::string text;
    const auto add = [&](const std::string& line) { text += (text.empty() ? "" : "\n") + line; };
    if (user.empty()) {
        for (const json& w : answer.at("users")) add(waiting_line(w));
    } else {
        for (const json& message : answer.at("messages")) add(queued_line(message));
    }
    node.common()->print(text, answer);
    if (user.empty() && !answer.at("unreached").empty())
        throw failure(exit_code::unavailable,
                      "no answer from " + answer.at("unreached").front().get<std::string>() +
                          ": what waits there is not in the list",
                      "presence nodes", "unreachable");
    return exit_code::done;
}

exit_code ack(client& node, const std::vector<std::string>& ids, bool all) {
    if (ids.empty() != all)
        throw failure(exit_code::usage, "it takes the ids of messages, or --all",
                      "presence queue USER");
    const json answer =
        node.ask("presence.ack", {{"as", node.common()->user}, {"ids", ids}, {"all", all}});
    node.common()->print(
        "acknowledged " + std::to_string(answer.at("acknowledged").get<std::uint64_t>()), answer);
    return exit_code::done;
}

exit_code receipt(client& node, const std::string& id) {
    const json answer = node.ask("presence.receipt", {{"id", id}, {"as", node.common()->user}});
    std::string text;
    for (const json& r : answer.at("receipts"))
        text += (text.empty() ? "" : "\n") + receipt_line(r);
    node.common()->print(text, answer);
    return exit_code::done;
}

}  // namespace presence::client
