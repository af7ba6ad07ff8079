#include "tools/common/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"
#include "tools/common/help.hpp"
#include "tools/common/json_line.hpp"

#ifndef BEAM_VERSION
#define BEAM_VERSION "0.1.0"
#endif

namespace beam::tool {
namespace {

constexpr const char* group = "Common options";

const std::vector<std::string>& common_keys() {
    static const std::vector<std::string> keys{"node", "socket", "timeout", "no_spawn",
                                               "json", "log",    "color",   "user"};
    return keys;
}

// One setting on its way down the precedence.
class source {
public:
    source(common_state& common, const CLI::App& app) : common_(common), app_(app) {}

    // `config_key` may be null: not configurable.
    setting find(const char* option, const std::string& typed, const char* variable,
                 const char* config_key, std::string built_in) const {
        const std::string name = std::string(option).substr(2);
        if (app_.get_option(option)->count() > 0) return {name, typed, "option"};
        if (const char* value = variable ? std::getenv(variable) : nullptr; value && *value)
            return {name, value, std::string("environment ") + variable};
        if (config_key) {
            const auto it = common_.config.find(config_key);
            if (it != common_.config.end()) return {name, it->second.text, it->second.origin};
        }
        return {name, std::move(built_in), "built-in"};
    }

private:
    common_state& common_;
    const CLI::App& app_;
};

// Where a value came from decides what kind of mistake a bad one is.
[[noreturn]] void bad_value(const setting& s, const std::string& why) {
    const bool from_file = s.origin != "option" && s.origin.rfind("environment", 0) != 0;
    const auto place = s.origin == "option" ? "--" + s.name
                       : from_file          ? s.origin + ": " + s.name
                                            : s.origin.substr(12);
    failure error(from_file ? exit_code::bad_config : exit_code::usage, why, {});
    error.what_failed = place + " " + s.value;
    throw error;
}

bool as_bool(const setting& s) {
    for (auto yes : {"1", "true", "yes", "on"})
        if (s.value == yes) return true;
    for (auto no : {"", "0", "false", "no", "off"})
        if (s.value == no) return false;
    bad_value(s, "neither 1 nor 0");
}

std::chrono::nanoseconds as_duration(const setting& s) {
    const auto parsed = parse_duration(s.value);
    if (parsed) return *parsed;
    if (parsed.error().is("missing_unit"))
        bad_value(s, "a duration needs a unit, as in " + s.value + "s");
    bad_value(s, "not a duration, as 250ms, 10s or 1m30s");
}

color_when as_color(const setting& s) {
    if (s.value == "auto") return color_when::automatic;
    if (s.value == "always") return color_when::always;
    if (s.value == "never") return color_when::never;
    bad_value(s, "it is one of auto, always, never");
}

// The command as it was typed, without options: its names and the first argument.
std::string command_words(const CLI::App& app) {
    std::string words;
    for (const CLI::App* command : app.get_subcommands()) {
        if (!words.empty()) words += ' ';
        words += command->get_name();
        if (const auto inner = command_words(*command); !inner.empty())
            return words.append(" ").append(inner);
        for (const CLI::Option* option : command->get_options()) {
            if (!option->get_positional() || option->count() == 0) continue;
            auto value = option->results().front();
            if (value.size() > 60) value = value.substr(0, 57) + "...";
            return words.append(" ").append(value);
        }
    }
    return words;
}

void refuse_repetition(const common_state& c) {
    const bool once = std::any_of(c.once.begin(), c.once.end(),
                                  [](const CLI::App* command) { return command->parsed(); });
    if (!once) return;
    failure error(exit_code::usage, "it repeats what only tells, and \"" + c.what + "\" does more",
                  c.tool + " --help");
    error.what_failed = "--watch";
    throw error;
}

void read_config_files(common_state& common, const setting& named) {
    if (!named.value.empty()) {
        if (::access(named.value.c_str(), R_OK) != 0)
            throw failure(exit_code::bad_config,
                          "cannot read the configuration file " + named.value);
        common.config = read_config(named.value, common.tool, common_keys(), common.config_keys);
        return;
    }
    for (const auto& path : config_files()) {
        if (::access(path.c_str(), F_OK) != 0) continue;
        // merge() keeps what is there: the user's file was read first.
        auto values = read_config(path, common.tool, common_keys(), common.config_keys);
        common.config.merge(values);
    }
}

}  // namespace

void common_state::print(std::string_view text, const nlohmann::json& value) {
    if (quiet) return;
    if (json)
        out.line(dump_line(value));
    else if (!text.empty())
        out.line(text);
}

void common_state::notice(std::string_view text) const {
    if (quiet || json || ::isatty(2) != 1) return;
    output err(2);
    err.line(tool + ": " + std::string(text));
    err.flush();
}

void common_state::trace(int level, std::string_view text) const {
    if (verbose < level) return;
    output err(2);
    err.line(tool + ": " + std::string(text));
    err.flush();
}

std::optional<std::string> common_state::config_text(const std::string& key) const {
    const auto it = config.find(key);
    if (it == config.end()) return std::nullopt;
    return it->second.text;
}

common_options add_common_options(CLI::App& app, std::string default_node) {
    auto common = std::make_shared<common_state>();
    common->tool = app.get_name();
    common->default_node = std::move(default_node);
    common->app = &app;
    auto& typed = common->typed;

    app.formatter(std::make_shared<help_formatter>());
    app.option_defaults()->group(group);
    app.fallthrough();
    app.set_help_flag("-h,--help", "Print this and exit");
    app.get_help_ptr()->group(group);
    app.set_version_flag("-V,--version", app.get_name() + " " BEAM_VERSION,
                         "Print the version and exit")
        ->group(group);
    app.add_option("--node", typed.node, "Which node answers (" + common->default_node + ")")
        ->option_text("NAME");
    app.add_option("--socket", typed.socket, "Talk to exactly this socket; starts nothing")
        ->option_text("PATH");
    app.add_option("--timeout", typed.timeout,
                   "For the whole command, 0 for none (10s; streams none)")
        ->option_text("DUR");
    app.add_flag("--no-spawn", typed.no_spawn, "Never start a node: without one, exit 69");
    app.add_flag("-j,--json", typed.json, "One JSON object; JSON lines for streams; errors too");
    app.add_flag("-q,--quiet", typed.quiet, "No result, no notices: the exit code answers");
    app.add_flag("-v,--verbose", typed.verbose, "Diagnostics on stderr; -vv: the protocol too");
    app.add_option("--color", typed.color, "auto, always or never")->option_text("WHEN");
    app.add_option("--as", typed.user, "Who is acting")->option_text("NAME");
    app.add_flag("-w{2s},--watch{2s}", typed.watch, "Repeat, every 2s if not said otherwise")
        ->option_text("[=DUR]");
    app.add_option("--config", typed.config_file, "Read this file instead of the usual ones")
        ->option_text("FILE");
    app.option_defaults()->group("Options");
    return common;
}

void add_yes_option(CLI::App& command, const common_options& common) {
    command.add_flag("--yes", common->yes, "Do not ask");
}

void runs_once(const CLI::App& command, const common_options& common) {
    common->once.push_back(&command);
}

void examples(CLI::App& command, std::string lines) {
    command.footer(std::move(lines));
}

CLI::Validator whole_number(std::string option) {
    // CLI11's own conversion takes -1 for 18446744073709551615.
    return CLI::Validator(
        [option = std::move(option)](std::string& text) {
            const bool digits =
                !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
            std::int64_t value = 0;
            const auto end = text.data() + text.size();
            if (digits && std::from_chars(text.data(), end, value).ec == std::errc())
                return std::string();
            failure error(exit_code::usage,
                          digits ? "it is too large" : "not a whole number, as 10");
            error.what_failed = option + " " + text;
            throw error;
        },
        std::string());
}

void resolve(common_state& c) {
    const CLI::App& app = *c.app;
    const source from(c, app);
    const auto& typed = c.typed;
    const auto keep = [&](setting s) -> const setting& {
        return c.settings.emplace_back(std::move(s));
    };
    const auto flag = [](bool set) { return std::string(set ? "true" : "false"); };
    c.what = command_words(app);

    const auto config_file = from.find("--config", typed.config_file, "BEAM_CONFIG", nullptr, "");
    read_config_files(c, config_file);

    const auto& node = keep(from.find("--node", typed.node, "BEAM_NODE", "node", c.default_node));
    c.node = node.value;
    if (!is_node_name(c.node))
        bad_value(node, "a node's name has letters, digits and _ . @ -, at most 64");
    c.socket = keep(from.find("--socket", typed.socket, "BEAM_SOCKET", "socket", "")).value;
    const auto& timeout =
        keep(from.find("--timeout", typed.timeout, "BEAM_TIMEOUT", "timeout", "10s"));
    c.timeout_is_default = timeout.origin == "built-in";
    c.timeout = as_duration(timeout);
    if (c.timeout->count() == 0) c.timeout.reset();
    c.spawn = !as_bool(keep(from.find("--no-spawn", flag(typed.no_spawn), "BEAM_NO_SPAWN",
                                      "no_spawn", "false"))) &&
              c.socket.empty();
    c.json = as_bool(keep(from.find("--json", flag(typed.json), "BEAM_JSON", "json", "false")));
    c.quiet = as_bool(keep(from.find("--quiet", flag(typed.quiet), nullptr, nullptr, "false")));
    const auto& log =
        keep(from.find("--verbose", typed.verbose >= 2 ? "trace" : "debug", "BEAM_LOG", "log", ""));
    c.verbose = log.value == "trace" ? 2 : log.value == "debug" ? 1 : 0;
    c.color = as_color(keep(from.find("--color", typed.color, nullptr, "color", "auto")));
    c.user = keep(from.find("--as", typed.user, "BEAM_USER", "user", "")).value;
    if (!typed.watch.empty()) {
        c.watch = as_duration({"watch", typed.watch, "option"});
        if (c.watch->count() == 0) bad_value({"watch", typed.watch, "option"}, "it cannot be 0");
        refuse_repetition(c);
    }
    c.settings.push_back(config_file);
    for (const auto& key : c.config_keys) {
        const auto it = c.config.find(key);
        if (it != c.config.end()) c.settings.push_back({key, it->second.text, it->second.origin});
    }
}

void reread_config(common_state& common) {
    setting file{"config", "", ""};
    for (const auto& s : common.settings)
        if (s.name == file.name) file = s;
    common.config.clear();
    read_config_files(common, file);
}

void confirm(const common_options& common, std::string_view question) {
    if (common->yes) return;
    if (::isatty(0) != 1 || ::isatty(2) != 1)
        throw failure(exit_code::usage, "nobody can be asked whether to " + std::string(question),
                      common->tool + " " + common->what + " --yes");
    output err(2);
    err.write(std::string(question) + "? [y/N] ");
    err.flush();
    std::string answer;
    char c;
    while (::read(0, &c, 1) == 1 && c != '\n') answer += c;
    if (answer == "y" || answer == "Y" || answer == "yes") return;
    throw failure(exit_code::no, "the answer was no");
}

}  // namespace beam::tool
