#include "tools/cache/commands.hpp"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/size.hpp"
#include "tools/cache/app/limits.hpp"
#include "tools/cache/transfer.hpp"
#include "tools/common/shown_text.hpp"

namespace cache {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using beam::tool::shown_text;
using nlohmann::json;

namespace {

[[noreturn]] void malformed(std::string_view option, const std::string& text, std::string why) {
    failure error(exit_code::usage, std::move(why));
    error.what_failed = std::string(option) + " " + text;
    throw error;
}

std::string print_ms(const json& ms) {
    return beam::print_duration(std::chrono::milliseconds(ms.get<std::int64_t>()));
}

// `none` takes a limit away.
std::int64_t count_of(std::string_view option, const std::string& text) {
    if (text == "none") return 0;
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [at, ec] = std::from_chars(text.data(), end, value);
    if (ec != std::errc() || at != end || value < 1)
        malformed(option, text, "neither a whole number above 0 nor none");
    return value;
}

std::int64_t size_of(std::string_view option, const std::string& text) {
    if (text == "none") return 0;
    const auto size = beam::parse_size(text);
    if (!size || *size == 0 || *size > std::uint64_t(INT64_MAX))
        malformed(option, text, "neither a size, as 64M, nor none");
    return std::int64_t(*size);
}

json limit_params(const limit_words& words) {
    json params = json::object();
    if (!words.max_entries.empty())
        params["max_entries"] = count_of("--max-entries", words.max_entries);
    if (!words.max_bytes.empty()) params["max_bytes"] = size_of("--max-bytes", words.max_bytes);
    if (!words.policy.empty()) {
        if (!policy_named(words.policy))
            malformed("--policy", words.policy, "a policy is one of lru, lfu and fifo");
        params["policy"] = words.policy;
    }
    if (!words.ttl.empty())
        params["ttl_ms"] = words.ttl == "none" ? 0 : duration_ms("--ttl", words.ttl);
    return params;
}

std::string limits_text(const json& l) {
    const auto or_none = [](const json& value, const auto& print) {
        return value.is_null() ? std::string("none") : print(value);
    };
    return "max_entries=" + or_none(l.at("max_entries"), [](const json& n) { return n.dump(); }) +
           " max_bytes=" +
           or_none(l.at("max_bytes"),
                   [](const json& n) { return beam::print_size(n.get<std::uint64_t>()); }) +
           " policy=" + l.at("policy").get<std::string>() +
           " ttl=" + or_none(l.at("ttl_ms"), print_ms);
}

}  // namespace

std::int64_t duration_ms(std::string_view option, const std::string& text) {
    const auto parsed = beam::parse_duration(text);
    if (!parsed) malformed(option, text, "not a duration, as 250ms, 10s or 1m30s");
    return std::chrono::ceil<std::chrono::milliseconds>(*parsed).count();
}

void add_put_words(json& params, const put_words& words) {
    if (!words.ttl.empty()) params["ttl_ms"] = duration_ms("--ttl", words.ttl);
    if (!words.stale.empty()) params["stale_ms"] = duration_ms("--stale", words.stale);
    if (!words.tags.empty()) {
        params["tags"] = json::array();
        for (const std::string& t : words.tags) params["tags"].push_back(bytes_json(t));
    }
}

void print_value(client& node, const std::string& key, const std::string& value, bool raw,
                 const json& more) {
    auto& common = *node.common();
    if (common.json) {
        json answer = more;
        answer["key"] = bytes_json(key);
        answer["value"] = bytes_json(value);
        return common.print("", answer);
    }
    if (common.quiet) return;
    common.out.write(value);
    if (!raw) common.out.write("\n");
}

exit_code put(client& node, const std::string& key, std::string value, const put_words& words) {
    if (value == "-") value = all_of_stdin();
    json params = {{"key", bytes_json(key)}};
    add_put_words(params, words);
    node.common()->print("ok", put_value(node, params, value));
    return exit_code::done;
}

exit_code get(client& node, const std::string& key, bool raw, const put_words& words) {
    if (!words.ttl.empty() || !words.tags.empty() || !words.stale.empty())
        throw failure(
            exit_code::usage, "--ttl, --tag and --stale are for what --or-run makes",
            words.ttl.empty() ? "cache get --help" : "cache touch " + key + " --ttl " + words.ttl);
    const json answer = node.ask("cache.get", {{"key", bytes_json(key)}});
    print_value(node, key, value_in(node, key, answer), raw, json::object());
    return exit_code::done;
}

exit_code del(client& node, const std::string& key, const std::string& tag) {
    if (key.empty() == tag.empty())
        throw failure(exit_code::usage, "it takes a key, or a tag with --tag",
                      "cache delete --help");
    const json answer = tag.empty() ? node.ask("cache.del", {{"key", bytes_json(key)}})
                                    : node.ask("cache.del", {{"tag", bytes_json(tag)}});
    const auto n = answer.at("deleted").get<std::uint64_t>();
    node.common()->print(tag.empty() ? "ok" : "deleted=" + std::to_string(n), answer);
    return n > 0 ? exit_code::done : exit_code::no;
}

exit_code ttl(client& node, const std::string& key) {
    const json answer = node.ask("cache.ttl", {{"key", bytes_json(key)}});
    const json& left = answer.at("ttl_ms");
    node.common()->print(left.is_null() ? "none" : print_ms(left), answer);
    return exit_code::done;
}

exit_code touch(client& node, const std::string& key, const std::string& ttl) {
    json params = {{"key", bytes_json(key)}};
    if (!ttl.empty()) params["ttl_ms"] = ttl == "none" ? 0 : duration_ms("--ttl", ttl);
    node.common()->print("ok", node.ask("cache.touch", params));
    return exit_code::done;
}

exit_code flush(client& node) {
    beam::tool::confirm(node.common(), "delete all entries of the cache");
    node.common()->print("ok", node.ask("cache.flush"));
    return exit_code::done;
}

void set_limits(client& node, const limit_words& words) {
    if (words.any()) node.ask("cache.limits", limit_params(words));
}

exit_code limits(client& node, const limit_words& words) {
    const json answer = node.ask("cache.limits", limit_params(words));
    node.common()->print(limits_text(answer), answer);
    return exit_code::done;
}

exit_code stats(client& node) {
    const json answer = node.ask("cache.stats");
    node.common()->print(
        "entries=" + answer.at("entries").dump() + " evictions=" + answer.at("evictions").dump(),
        answer);
    return exit_code::done;
}

exit_code explain(client& node, const std::string& key) {
    const json answer = node.ask("cache.explain", {{"key", bytes_json(key)}});
    const std::string state = answer.at("state");
    std::string text = shown_text(key) + ": " + state;
    if (state == "live") {
        const json& left = answer.at("ttl_ms");
        text += ", put " + print_ms(answer.at("age_ms")) + " ago, " +
                (left.is_null() ? "stays" : "expires in " + print_ms(left));
    } else if (state == "unknown") {
        text += ", not among the last " + answer.at("remembers").dump() + " removals";
    } else {
        text += " " + print_ms(answer.at("removed_ago_ms")) + " ago, " +
                print_ms(answer.at("lived_ms")) + " after it was put";
    }
    node.common()->print(text, answer);
    return state == "unknown" ? exit_code::no : exit_code::done;
}

exit_code keys(client& node, const std::string& pattern) {
    auto& common = *node.common();
    node.stream("cache.keys", {{"match", bytes_json(pattern)}}, [&](const json& item) {
        if (common.quiet) return true;
        for (const json& key : item.at("keys"))
            common.json ? common.print("", json{{"key", key}})
                        : common.out.line(shown_text(bytes_of(key)));
        return true;
    });
    return exit_code::done;
}

}  // namespace cache
