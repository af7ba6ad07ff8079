#include "tools/breaker/commands.hpp"

#include <pwd.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/breaker/opening_hook.hpp"
#include "tools/common/command.hpp"
#include "tools/common/shown_text.hpp"

namespace breaker {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::shown_text;
using nlohmann::json;
using std::chrono::milliseconds;

namespace {

std::int64_t duration_ms(const char* option, const std::string& text) {
    const auto read = beam::parse_duration(text);
    if (read) return std::chrono::ceil<milliseconds>(*read).count();
    failure error(exit_code::usage, "not a duration, as 250ms, 10s or 1m30s");
    error.what_failed = std::string(option) + " " + text;
    throw error;
}

std::string time_text(const json& ms) {
    return beam::print_duration(milliseconds(ms.get<std::int64_t>()));
}

std::string age_text(const json& since_ms) {
    const auto now = std::chrono::duration_cast<milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto age = now - milliseconds(since_ms.get<std::int64_t>());
    return beam::print_duration(std::max(age, milliseconds(0)));
}

// `open (cooldown=30s)`, `disabled (by=alice, since=5m)`
std::string state_text(const json& breaker) {
    const std::string state = breaker.at("state").get<std::string>();
    std::string facts;
    const auto fact = [&](const std::string& text) { facts += (facts.empty() ? "" : ", ") + text; };
    if (state == "open") {
        const json& left = breaker.at("cooldown_ms");
        fact(left == 0 ? "until=reset" : "cooldown=" + time_text(left));
    }
    if (breaker.at("forced").get<bool>()) {
        fact("by=" + shown_text(breaker.at("by").get<std::string>()));
        fact("since=" + age_text(breaker.at("since_ms")));
    }
    return facts.empty() ? state : state + " (" + facts + ")";
}

void print_state(client& node, const json& breaker) {
    node.common()->print("state: " + state_text(breaker), breaker);
}

// Who does it: --as or BEAM_USER, else the OS user.
std::string actor(const client& node) {
    if (!node.common()->user.empty()) return node.common()->user;
    const passwd* user = ::getpwuid(::geteuid());
    return user ? user->pw_name : "uid " + std::to_string(::geteuid());
}

json params_of(const call_options& o) {
    json params = {{"name", o.name}};
    if (o.permit > 0) params["permit"] = o.permit;
    if (!o.took.empty()) params["took_ms"] = duration_ms("--took", o.took);
    if (!o.slow.empty()) params["slow_ms"] = duration_ms("--slow", o.slow);
    if (!o.reason.empty()) params["reason"] = o.reason;
    return params;
}

// What the command came to, told to the breaker. The command has run: whatever happens here, its code is the
// tool's.
void report(const client& node, const std::string& name, const json& permit,
            const beam::tool::command_result& result) {
    json params = {{"name", name},
                   {"permit", permit},
                   {"took_ms", std::chrono::duration_cast<milliseconds>(result.took).count() + 1},
                   {"result", !result.was_executed ? "unexecuted"
                              : result.exit == 0   ? "success"
                                                   : "failure"}};
    if (result.timed_out)
        params["reason"] = "its time was over";
    else if (result.exit != 0)
        params["reason"] = "exit " + std::to_string(result.exit);
    try {
        client second(node.common());
        second.set_spawn(false);
        (void)second.ask("breaker.finish", params);
    } catch (const failure& error) {
        node.common()->notice("the breaker was not told: " + error.why);
    } catch (const beam::tool::connection_lost&) {
        node.common()->notice("the breaker was not told: the node is gone");
    }
}

}  // namespace

exit_code status(client& node, const std::string& name) {
    const json breaker = node.ask("breaker.status", {{"name", name}});
    print_state(node, breaker);
    const std::string state = breaker.at("state").get<std::string>();
    return state == "closed" || state == "disabled" ? exit_code::done : exit_code::no;
}

exit_code list(client& node, const std::string& state) {
    json all = json::array();
    std::string after;
    do {
        json page = node.ask("breaker.list", {{"after", after}, {"state", state}});
        for (json& breaker : page.at("breakers")) {
            if (node.common()->json)
                all.push_back(std::move(breaker));
            else
                node.common()->print(
                    shown_text(breaker.at("name").get<std::string>()) + ": " + state_text(breaker),
                    breaker);
        }
        after = page.at("next").get<std::string>();
    } while (!after.empty());
    if (node.common()->json) node.common()->print("", {{"breakers", std::move(all)}});
    return exit_code::done;
}

exit_code allow(client& node, const call_options& o) {
    const json answer = node.ask("breaker.allow", params_of(o));
    const bool allowed = answer.at("allowed").get<bool>();
    std::string text =
        "allowed (permit=" + std::to_string(answer.at("permit").get<std::uint64_t>());
    if (!allowed && answer.at("probes_in_flight") != 0)
        text =
            "blocked (probes=" + std::to_string(answer.at("probes_in_flight").get<std::uint64_t>());
    else if (!allowed && answer.value("share_percent", 100.0) < 100)
        text = "blocked (share=" + std::to_string(answer.at("share_percent").get<int>()) + "%";
    else if (!allowed)
        text = answer.at("retry_after_ms") == 0
                   ? "blocked (until=reset"
                   : "blocked (retry_in=" + time_text(answer.at("retry_after_ms"));
    node.common()->print(text + ")", answer);
    return allowed ? exit_code::done : exit_code::no;
}

exit_code tell(client& node, const char* method, const call_options& o) {
    print_state(node, node.ask(std::string("breaker.") + method, params_of(o)));
    return exit_code::done;
}

exit_code run(client& node, const call_options& o, const std::vector<std::string>& command) {
    auto& common = *node.common();
    // --timeout is the command's here; the node is asked within the usual time.
    std::optional<std::chrono::nanoseconds> limit;
    if (!common.timeout_is_default) limit = common.timeout;
    common.timeout = std::chrono::seconds(10);
    common.timeout_is_default = true;
    std::optional<beam::tool::command_result> result;
    const auto run_it = [&](const json& item) {
        result = beam::tool::run_command(command, {.limit = limit});
        report(node, o.name, item.at("permit"), *result);
        return false;
    };
    try {
        (void)node.stream("breaker.guard", params_of(o), run_it);
    } catch (const beam::tool::connection_lost&) {
        if (!result) throw;
    }
    if (result->timed_out)
        throw failure(exit_code::try_again,
                      command.front() + " took longer than " + beam::print_duration(*limit),
                      "breaker status " + o.name, "timeout");
    if (!result->was_executed)
        throw failure(static_cast<exit_code>(result->exit),
                      "cannot execute " + command.front() + ": " + result->why_not, {},
                      "not_executed");
    return static_cast<exit_code>(result->exit);
}

exit_code force(client& node, const char* method, const force_options& o) {
    json params = {{"name", o.name}, {"by", actor(node)}};
    if (!o.time.empty()) params["for_ms"] = duration_ms("--for", o.time);
    if (!o.reason.empty()) params["reason"] = o.reason;
    print_state(node, node.ask(std::string("breaker.") + method, params));
    return exit_code::done;
}

exit_code set(client& node, const std::string& name, const settings& changes) {
    json given = json::object();
    for (const auto& [option, text] : changes) {
        const bool is_number = option == "min_calls" || option == "probes" || option == "successes";
        given[option] = is_number ? json(std::stoull(text)) : json(text);
    }
    print_state(node, node.ask("breaker.set", {{"name", name}, {"settings", given}}));
    return exit_code::done;
}

exit_code forget(client& node, const std::string& name) {
    const json answer = node.ask("breaker.delete", {{"name", name}});
    node.common()->print("breaker " + shown_text(name) + " deleted", answer);
    return exit_code::done;
}

exit_code watch(client& node, const std::string& name, const std::string& on_open,
                const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    opening_hook hook(on_open);
    beam::tool::followed_stream stream;
    stream.method = "breaker.watch";
    stream.limits = limits;
    stream.params = [&] { return json{{"name", name}}; };
    stream.on_item = [&](const json& item) {
        // JSON with or without --json: there is no better text for a log of changes.
        const std::string line = item.dump();
        if (!common.quiet) common.out.flushed_line(line);
        if (item.value("to", "") == "open") hook.run(line);
        return true;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

}  // namespace breaker
