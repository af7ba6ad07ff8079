#include "tools/ratelimit/commands.hpp"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/command.hpp"
#include "tools/common/shown_text.hpp"

namespace ratelimit::client {

using beam::client;
using beam::tool::deadline;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::shown_text;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::string time_text(const json& ms) {
    return beam::print_duration(std::chrono::milliseconds(ms.get<std::int64_t>()));
}

std::string verdict_text(const json& verdict) {
    if (verdict.at("allowed").get<bool>())
        return "allowed (remaining=" +
               std::to_string(verdict.at("remaining").get<std::uint64_t>()) + ")";
    return "blocked (retry_in=" + time_text(verdict.at("retry_after_ms")) + ")";
}

exit_code code_of(const json& verdict) {
    return verdict.at("allowed").get<bool>() ? exit_code::done : exit_code::no;
}

void add_limit(json& params, const limit_options& o) {
    if (!o.limit.empty()) params["limit"] = o.limit;
    if (o.burst) params["burst"] = *o.burst;
    if (!o.algorithm.empty()) params["algorithm"] = o.algorithm;
    if (!o.rule.empty()) params["rule"] = o.rule;
}

json params_of(const check_options& o) {
    json params = {{"keys", o.keys}, {"cost", o.cost}};
    add_limit(params, o.limit);
    if (o.durable) params["durable"] = true;
    return params;
}

// How long the node may let it wait; a --timeout that is said bounds it, so that a wait which cannot be in
// time is refused at once.
void add_wait(client& node, json& params, const std::string& text) {
    if (text.empty()) return;
    auto& common = *node.common();
    std::optional<std::chrono::nanoseconds> wait;
    if (text != "forever") {
        const auto read = beam::parse_duration(text);
        if (!read) {
            failure error(exit_code::usage, "not a duration, as 250ms, 10s or 1m30s");
            error.what_failed = "--wait " + text;
            throw error;
        }
        wait = *read;
    }
    if (!common.timeout_is_default && common.timeout)
        wait = std::min(wait.value_or(*common.timeout), *common.timeout);
    params["wait_ms"] =
        wait ? std::chrono::floor<std::chrono::milliseconds>(*wait).count() : INT64_MAX;
    const auto answers_within = common.timeout.value_or(0ns);
    node.set_deadline(wait && common.timeout ? deadline::in(*wait + answers_within) : deadline());
}

json ask_to_take(client& node, const check_options& o) {
    json params = params_of(o);
    add_wait(node, params, o.wait);
    return node.ask("ratelimit.check", params);
}

}  // namespace

exit_code check(client& node, const check_options& o) {
    const json verdict = ask_to_take(node, o);
    node.common()->print(verdict_text(verdict), verdict);
    return code_of(verdict);
}

exit_code run(client& node, const check_options& o, const std::vector<std::string>& command) {
    const json verdict = ask_to_take(node, o);
    if (!verdict.at("allowed").get<bool>())
        throw failure(
            exit_code::try_again, "it is blocked for " + time_text(verdict.at("retry_after_ms")),
            "ratelimit run " + o.keys.front() + " --wait -- " + command.front(), "blocked");
    node.disconnect();
    const auto result = beam::tool::run_command(command);
    if (!result.was_executed)
        throw failure(static_cast<exit_code>(result.exit),
                      "cannot execute " + command.front() + ": " + result.why_not, {},
                      "not_executed");
    return static_cast<exit_code>(result.exit);
}

exit_code peek(client& node, const check_options& o) {
    const json verdict = node.ask("ratelimit.peek", params_of(o));
    node.common()->print(verdict_text(verdict), verdict);
    return code_of(verdict);
}

exit_code reset(client& node, const check_options& o) {
    const json answer = node.ask("ratelimit.reset", params_of(o));
    node.common()->print("ok", answer);
    return exit_code::done;
}

exit_code refund(client& node, const check_options& o) {
    const json answer = node.ask("ratelimit.refund", params_of(o));
    node.common()->print(
        "ok (remaining=" + std::to_string(answer.at("remaining").get<std::uint64_t>()) + ")",
        answer);
    return exit_code::done;
}

exit_code explain(client& node, const check_options& o, std::uint64_t next) {
    json params = params_of(o);
    params["next"] = next;
    const json answer = node.ask("ratelimit.explain", params);
    std::string text = "key: " + shown_text(answer.at("key").get<std::string>());
    const auto line = [&](const char* name, const std::string& value) {
        text += std::string("\n") + name + ": " + value;
    };
    line("rule", shown_text(answer.at("rule").get<std::string>()));
    line("limit", answer.at("limit_text").get<std::string>());
    line("spent", answer.at("spent_text").get<std::string>());
    line("remaining", std::to_string(answer.at("remaining").get<std::uint64_t>()));
    line("full_in", time_text(answer.at("reset_after_ms")));
    for (const json& verdict : answer.at("next")) line("next", verdict_text(verdict));
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code set_rule(client& node, const rule_options& o) {
    json params = {{"name", o.name}};
    add_limit(params, o.limit);
    if (!o.inherit.empty()) params["inherit"] = o.inherit;
    if (o.shadow) params["shadow"] = true;
    if (o.durable) params["durable"] = true;
    const json rule = node.ask("ratelimit.set_rule", params);
    node.common()->print(
        "rule " + shown_text(o.name) + ": " + rule.at("limit_text").get<std::string>(), rule);
    return exit_code::done;
}

exit_code delete_rule(client& node, const std::string& name) {
    const json answer = node.ask("ratelimit.delete_rule", {{"name", name}});
    node.common()->print("rule " + shown_text(name) + " deleted", answer);
    return exit_code::done;
}

exit_code list_rules(client& node) {
    const json answer = node.ask("ratelimit.list_rules");
    std::string text;
    for (const json& rule : answer.at("rules")) {
        text += (text.empty() ? "" : "\n") + shown_text(rule.at("name").get<std::string>()) + ": " +
                rule.at("limit_text").get<std::string>();
        if (rule.at("shadow").get<bool>()) text += " shadow";
        if (rule.at("durable").get<bool>()) text += " durable";
        text += " inherit=" + rule.at("inherit").get<std::string>() +
                " blocked=" + std::to_string(rule.at("blocked").get<std::uint64_t>());
    }
    node.common()->print(text, answer);
    return exit_code::done;
}

}  // namespace ratelimit::client
