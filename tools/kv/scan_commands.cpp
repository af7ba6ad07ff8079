// Commands about many keys: scan, count, watch.
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/common/bytes_json.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/lines.hpp"

namespace kv::client {

using beam::client;
using beam::tool::bytes_json;
using beam::tool::exit_code;
using nlohmann::json;

exit_code scan(client& node, const scan_words& words) {
    auto& common = *node.common();
    json params = {{"prefix", bytes_json(words.prefix)}, {"keys_only", words.keys_only}};
    if (words.cursor) params["cursor"] = bytes_json(*words.cursor);
    if (words.limit > 0) params["limit"] = words.limit;
    const auto on_item = [&](const json& page) {
        for (const json& item : page.at("items")) {
            if (common.quiet) continue;
            std::string line = common.json ? item.dump() : shown(item.at("key"));
            if (!common.json && !words.keys_only) line += " " + shown(item.at("value"));
            common.out.write(line + "\n");
        }
        return true;
    };
    const auto end = node.stream("kv.scan", params, on_item);
    const bool is_empty = end && end->at("count").get<std::uint64_t>() == 0;
    return is_empty ? exit_code::no : exit_code::done;
}

exit_code count(client& node, const std::string& prefix) {
    json params = {{"prefix", bytes_json(prefix)}};
    add_timeout(node, params);
    const json answer = node.ask("kv.count", params);
    node.common()->print(std::to_string(answer.at("count").get<std::uint64_t>()), answer);
    return exit_code::done;
}

exit_code watch(client& node, const std::string& prefix, std::optional<std::string> cursor,
                const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    beam::tool::followed_stream stream;
    stream.method = "kv.watch";
    stream.limits = limits;
    stream.limits.count = 0;
    std::uint64_t left = limits.count;  // of changes
    stream.params = [&] {
        json params = {{"prefix", bytes_json(prefix)}};
        if (cursor) params["cursor"] = *cursor;
        return params;
    };
    stream.on_item = [&](const json& item) {
        cursor = item.at("cursor").get<std::string>();
        const auto event = item.at("event").get<std::string>();
        const bool is_change = event != "watching";
        if (!is_change) common.notice("watching");
        if (!common.quiet && (is_change || common.json)) {
            std::string line = common.json ? item.dump() : event + " ";
            if (!common.json) line += shown(item.at("key"));
            if (!common.json && event == "put") line += " " + shown(item.at("value"));
            common.out.flushed_line(line);
        }
        return !is_change || limits.count == 0 || --left > 0;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

}  // namespace kv::client
