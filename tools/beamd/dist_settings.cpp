#include "tools/beamd/dist_settings.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/dist/node_list.hpp"
#include "tools/common/failure.hpp"

namespace beam::beamd {

namespace {

using tool::exit_code;
using tool::failure;

// What is wrong with a value; empty: nothing.
using check = std::string (*)(const std::string& value);

std::string check_join(const std::string& value) {
    const auto list = dist::parse_node_list(value);
    return list ? std::string() : list.error().detail;
}

std::string check_dns(const std::string& value) {
    const auto names = dist::parse_dns_names(value, "node");
    return names ? std::string() : names.error().detail;
}

std::string check_tick(const std::string& value) {
    const auto time = parse_duration(value);
    if (!time) return "not a duration, as 60s";
    return *time < std::chrono::milliseconds(100) ? "it is at least 100ms" : "";
}

std::string check_port(const std::string& value) {
    std::uint16_t port = 0;
    const auto end = value.data() + value.size();
    const auto [rest, failed] = std::from_chars(value.data(), end, port);
    const bool is_port = failed == std::errc() && rest == end && port != 0;
    return is_port ? "" : "not a port, 1 to 65535";
}

std::string check_hidden(const std::string& value) {
    for (const auto* word : {"1", "true", "yes", "on", "0", "false", "no", "off"})
        if (value == word) return {};
    return "neither 1 nor 0";
}

struct dist_setting {
    const char* name;
    const char* option;
    const char* variable;
    const char* config_key;
    check wrong;
};

constexpr dist_setting all[] = {
    {"join", "--dist-join", "BEAM_DIST_JOIN", "dist_join", check_join},
    {"dns", "--dist-dns", "BEAM_DIST_DNS", "dist_dns", check_dns},
    {"tick", "--dist-tick", "BEAM_DIST_TICK", "dist_tick", check_tick},
    {"port", "--dist-port", "BEAM_DIST_PORT", "dist_port", check_port},
    {"hidden", "--dist-hidden", "BEAM_DIST_HIDDEN", "dist_hidden", check_hidden},
};

std::string with_commas(const std::vector<std::string>& parts) {
    std::string text;
    for (const auto& part : parts) text += (text.empty() ? "" : ",") + part;
    return text;
}

std::string typed_value(const typed_dist_settings& typed, std::string_view name) {
    if (name == "join") return with_commas(typed.join);
    if (name == "dns") return with_commas(typed.dns);
    if (name == "tick") return typed.tick;
    if (name == "port") return typed.port;
    return typed.hidden ? "true" : "";
}

struct found_value {
    std::string text;
    std::string where;  // for a mistake
    exit_code mistake = exit_code::usage;
};

found_value find_value(const tool::common_state& common, const typed_dist_settings& typed,
                       const dist_setting& s) {
    if (auto text = typed_value(typed, s.name); !text.empty()) return {std::move(text), s.option};
    if (const char* text = std::getenv(s.variable); text && *text) return {text, s.variable};
    const auto at = common.config.find(s.config_key);
    if (at == common.config.end()) return {};
    return {at->second.text, at->second.origin + ": " + s.config_key, exit_code::bad_config};
}

}  // namespace

bool typed_dist_settings::any() const {
    return !join.empty() || !dns.empty() || !tick.empty() || !port.empty() || hidden;
}

void add_dist_options(CLI::App& app, typed_dist_settings& typed) {
    app.add_option("--dist-join", typed.join,
                   "With --dist: connect to these nodes, name@host[=ADDR:PORT],...; repeatable")
        ->option_text("LIST")
        ->allow_extra_args(false);
    app.add_option("--dist-dns", typed.dns,
                   "With --dist: connect to PREFIX@ADDRESS for each address of HOST; repeatable")
        ->option_text("[PREFIX@]HOST[:PORT]")
        ->allow_extra_args(false);
    app.add_option("--dist-tick", typed.tick, "How long a node may be silent (60s)")
        ->option_text("DUR");
    app.add_option("--dist-port", typed.port, "With --dist: listen at this port (any)")
        ->option_text("PORT");
    app.add_flag("--dist-hidden", typed.hidden, "With --dist: do not be seen in others' nodes()");
}

const std::vector<std::string>& dist_config_keys() {
    static const std::vector<std::string> keys = [] {
        std::vector<std::string> list;
        for (const auto& s : all) list.emplace_back(s.config_key);
        return list;
    }();
    return keys;
}

std::string dist_argument(const std::string& name, const std::string& value) {
    return "--dist-" + name + "=" + value;
}

std::map<std::string, std::string> resolve_dist_settings(const tool::common_state& common,
                                                         const typed_dist_settings& typed) {
    std::map<std::string, std::string> settings;
    for (const auto& s : all) {
        auto value = find_value(common, typed, s);
        if (value.where.empty()) continue;
        if (auto why = s.wrong(value.text); !why.empty()) {
            failure error(value.mistake, std::move(why));
            error.what_failed = value.where + " " + value.text;
            throw error;
        }
        settings[s.name] = std::move(value.text);
    }
    return settings;
}

}  // namespace beam::beamd
