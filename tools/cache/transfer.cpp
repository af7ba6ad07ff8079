#include "tools/cache/transfer.hpp"

#include <nlohmann/json.hpp>

#include "tools/cache/app/limits.hpp"
#include "tools/common/ask_again.hpp"
#include "tools/common/standard_input.hpp"

namespace cache {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::fresh_key;
using nlohmann::json;

namespace {

// The node's lines have at most 1 MiB; escapes make a text up to six times as long, base64 a third longer.
constexpr std::size_t whole_max = 128 << 10;
constexpr std::size_t part_size = 512 << 10;

[[noreturn]] void too_large() {
    throw failure(exit_code::no, "the value has more than the 512 MiB that are allowed", {},
                  "too_large");
}

}  // namespace

std::string all_of_stdin() {
    if (auto bytes = beam::tool::read_stdin(value_max)) return *std::move(bytes);
    too_large();
}

json put_value(client& node, json params, std::string_view value) {
    if (value.size() > value_max) too_large();
    if (value.size() <= whole_max) {
        params["value"] = bytes_json(value);
        return node.ask("cache.put", params);
    }
    const std::string name = fresh_key();
    for (std::size_t at = 0; at < value.size(); at += part_size)
        node.ask("cache.upload", {{"upload", name},
                                  {"offset", at},
                                  {"bytes", beam::tool::base64_json(value.substr(at, part_size))}});
    params["upload"] = name;
    return node.ask("cache.put", params);
}

std::string value_in(client& node, const std::string& key, const json& answer) {
    if (answer.contains("value")) return bytes_of(answer.at("value"));
    std::string value;
    value.reserve(answer.at("size").get<std::size_t>());
    node.stream("cache.read", {{"key", bytes_json(key)}}, [&](const json& item) {
        value += bytes_of(item.at("bytes"));
        return true;
    });
    return value;
}

}  // namespace cache
