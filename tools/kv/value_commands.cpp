// Commands about keys.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/common/bytes_json.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/standard_input.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/lines.hpp"

namespace kv::client {

using beam::client;
using beam::tool::bytes_json;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

constexpr std::size_t value_max = std::size_t{1} << 20;
constexpr std::size_t transaction_max = std::size_t{4} << 20;

std::string value_from(const std::string& typed) {
    if (typed != "-") return typed;
    auto bytes = beam::tool::read_stdin(value_max);
    if (!bytes)
        throw failure(exit_code::usage, "the value has more than the 1 MiB that are allowed");
    return *std::move(bytes);
}

}  // namespace

exit_code change(client& node, const std::string& op, change_words words) {
    json params = {{"key", bytes_json(words.key)}};
    if (op == "put" || op == "cas") params["value"] = bytes_json(value_from(words.value));
    if (!words.ttl.empty()) params["ttl_ms"] = milliseconds_of("--ttl", words.ttl);
    if (op == "incr") params["by"] = words.by;
    if (words.if_absent) params["if_absent"] = true;
    if (words.expect) params["expect"] = bytes_json(*words.expect);
    if (words.expect_version) params["expect_version"] = *words.expect_version;
    params = checked(std::move(params));
    add_timeout(node, params);
    const json answer = node.ask("kv." + op, params);
    const std::string text =
        op == "incr" ? std::to_string(answer.at("value").get<std::int64_t>()) : "ok";
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code get(client& node, const get_words& words) {
    json params = {
        {"key", bytes_json(words.key)}, {"primary", words.primary}, {"stale", words.stale}};
    add_timeout(node, params);
    const json answer = node.ask("kv.get", params);
    auto& common = *node.common();
    if (words.raw && !common.json) {
        if (!common.quiet) common.out.write(beam::tool::bytes_of(answer.at("value")));
        return exit_code::done;
    }
    const auto from = answer.at("from").get<std::string>();
    std::string who = from;
    if (words.stale && from == "replica")
        who += ", up to " + print_ms(answer.value("age_ms", std::int64_t{0})) + " old";
    common.print(shown(answer.at("value")) + " (" + who + ")", answer);
    return exit_code::done;
}

exit_code ttl(client& node, const std::string& key) {
    json params = {{"key", bytes_json(key)}};
    add_timeout(node, params);
    const json answer = node.ask("kv.ttl", params);
    const json& left = answer.at("ttl_ms");
    node.common()->print(left.is_null() ? "none" : print_ms(left.get<std::int64_t>()), answer);
    return exit_code::done;
}

exit_code transaction(client& node) {
    const auto text = beam::tool::read_stdin(transaction_max);
    if (!text) throw failure(exit_code::usage, "a transaction has at most 4 MiB");
    json operations = json::array();
    std::size_t begin = 0, number = 0;
    while (begin < text->size()) {
        const std::size_t end = std::min(text->find('\n', begin), text->size());
        const std::string line = text->substr(begin, end - begin);
        begin = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
        auto one = beam::tool::parse_line(line);
        if (!one || !one->is_object())
            throw failure(exit_code::bad_data,
                          "line " + std::to_string(number) + " is not a JSON object",
                          "echo '{\"op\":\"put\",\"key\":\"k\",\"value\":\"v\"}' | kv transaction");
        operations.push_back(*std::move(one));
    }
    json params = checked({{"operations", std::move(operations)}});
    add_timeout(node, params);
    node.common()->print("ok", node.ask("kv.transaction", params));
    return exit_code::done;
}

exit_code locate(client& node, const std::string& key) {
    const json answer = node.ask("kv.locate", {{"key", bytes_json(key)}});
    std::string replicas;
    for (const json& r : answer.at("replicas"))
        replicas += (replicas.empty() ? "" : ",") + r.get<std::string>();
    node.common()->print("shard " + std::to_string(answer.at("shard").get<std::uint64_t>()) +
                             ": primary=" + answer.at("primary").get<std::string>() +
                             " replicas=" + (replicas.empty() ? "none" : replicas),
                         answer);
    return exit_code::done;
}

}  // namespace kv::client
