// The commands that go on: watch and listen.
#include <nlohmann/json.hpp>

#include "tools/presence/commands.hpp"
#include "tools/presence/lines.hpp"

namespace presence::client {

using beam::client;
using beam::tool::exit_code;
using nlohmann::json;

namespace {

void print_item(beam::tool::common_state& common, const std::string& text, const json& item) {
    if (common.quiet) return;
    common.out.flushed_line(common.json ? item.dump() : text);
}

}  // namespace

exit_code watch(client& node, const std::string& topic, bool changes,
                const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    beam::tool::followed_stream stream;
    stream.method = "presence.watch";
    stream.limits = limits;
    stream.params = [&] {
        return json{{"topic", topic}, {"as", common.user}, {"changes", changes}};
    };
    stream.on_item = [&](const json& item) {
        print_item(common, event_line(item), item);
        return true;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

exit_code listen(client& node, const session_options& o, const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    json params = params_of(node, o);
    beam::tool::followed_stream stream;
    stream.method = "presence.listen";
    stream.limits = limits;
    stream.limits.count = 0;
    std::uint64_t left = limits.count;  // of what is for the user
    stream.params = [&] { return params; };
    stream.on_item = [&](const json& item) {
        if (item.value("event", "") == "listening") {
            params["session"] = item.at("session");  // the same one when the node is back
            if (common.json) print_item(common, {}, item);
            common.notice("listening as " + item.value("user", ""));
            return true;
        }
        print_item(common, item.dump(), item);
        return limits.count == 0 || --left > 0;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

}  // namespace presence::client
