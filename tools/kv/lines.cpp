#include "tools/kv/lines.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/json_line.hpp"

namespace kv::client {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

// The node's lines have at most 1 MiB.
constexpr std::size_t line_max = (std::size_t{1} << 20) - 4096;
// And it waits no longer than that.
constexpr std::int64_t longest_ms = 600'000;

failure bad_value(const std::string& option, const std::string& value, std::string why) {
    failure error(exit_code::usage, std::move(why));
    error.what_failed = option + " " + value;
    return error;
}

}  // namespace

std::int64_t milliseconds_of(const std::string& option, const std::string& text) {
    const auto read = beam::parse_duration(text);
    if (!read) throw bad_value(option, text, "not a duration, as 30s, 10m or 1h30m");
    return std::chrono::ceil<std::chrono::milliseconds>(*read).count();
}

void add_timeout(client& node, json& params) {
    const auto until = node.common()->until();
    node.set_deadline(until);
    if (until.is_never()) {
        params["timeout_ms"] = longest_ms;
        return;
    }
    // A node that must be started first has less time than --timeout says.
    (void)node.hello();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until.left()).count();
    params["timeout_ms"] =
        std::clamp<std::int64_t>(left - std::max<std::int64_t>(left / 20, 20), 1, longest_ms);
}

json checked(json params) {
    if (params.dump(-1, ' ', false, json::error_handler_t::replace).size() > line_max)
        throw failure(
            exit_code::usage,
            "the value is too long for the node's control socket, whose lines have 1 MiB");
    return params;
}

std::string shown(const json& value) {
    if (value.is_string()) return beam::tool::dump_line(value);
    return "base64:" + value.at("$b64").get<std::string>();
}

std::string print_ms(std::int64_t ms) {
    return beam::print_duration(std::chrono::milliseconds(std::max<std::int64_t>(ms, 0)));
}

}  // namespace kv::client
