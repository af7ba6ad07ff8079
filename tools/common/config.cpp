#include "tools/common/config.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>

#include "tools/common/failure.hpp"
#include "tools/common/suggestion.hpp"

#ifndef BEAM_SYSCONFDIR
#define BEAM_SYSCONFDIR "/etc"
#endif

namespace beam::tool {
namespace {

const std::vector<std::string>& tool_names() {
    static const std::vector<std::string> names{"chatctl",  "ratelimit", "breaker",    "kv",
                                                "pipeline", "faultlab",  "cache",      "presence",
                                                "reltool",  "observer",  "metricsctl", "beamd"};
    return names;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string at(const std::string& path, const toml::source_region& where) {
    return path + ":" + std::to_string(where.begin.line);
}

[[noreturn]] void unknown(const std::string& where, std::string_view key,
                          std::vector<std::string> known) {
    std::string why = where + ": unknown key \"" + std::string(key) + "\"";
    if (auto near = nearest(key, known)) why += ", did you mean \"" + *near + "\"";
    throw failure(exit_code::bad_config, why);
}

std::string text_of(const std::string& where, std::string_view key, const toml::node& node) {
    if (auto s = node.value_exact<std::string>()) return *s;
    if (auto b = node.value_exact<bool>()) return *b ? "true" : "false";
    if (auto i = node.value_exact<std::int64_t>()) return std::to_string(*i);
    if (auto d = node.value_exact<double>()) {
        auto text = std::to_string(*d);
        while (text.back() == '0') text.pop_back();
        if (text.back() == '.') text.pop_back();
        return text;
    }
    throw failure(exit_code::bad_config,
                  where + ": " + std::string(key) + " must be a string, a number, true or false");
}

void read_table(const std::string& path, const toml::table& table,
                const std::vector<std::string>& known, config_values& into) {
    for (const auto& [key, node] : table) {
        const auto where = at(path, node.source());
        if (!contains(known, key.str())) unknown(where, key.str(), known);
        into[std::string(key.str())] = {text_of(where, key.str(), node), where};
    }
}

}  // namespace

config_values read_config(const std::string& path, std::string_view tool,
                          const std::vector<std::string>& common_keys,
                          const std::vector<std::string>& tool_keys) {
    const auto parsed = toml::parse_file(path);
    if (!parsed) {
        const auto& error = parsed.error();
        throw failure(exit_code::bad_config,
                      at(path, error.source()) + ": " + std::string(error.description()));
    }
    config_values values;
    const toml::table* own = nullptr;
    toml::table top;
    for (const auto& [key, node] : parsed.table()) {
        const auto where = at(path, node.source());
        const bool is_ours = key.str() == tool;
        if (node.is_table() && (is_ours || contains(tool_names(), key.str()))) {
            if (is_ours) own = node.as_table();
            continue;
        }
        if (!contains(common_keys, key.str())) {
            auto known = common_keys;
            known.insert(known.end(), tool_names().begin(), tool_names().end());
            unknown(where, key.str(), std::move(known));
        }
        values[std::string(key.str())] = {text_of(where, key.str(), node), where};
    }
    if (own) {
        auto known = common_keys;
        known.insert(known.end(), tool_keys.begin(), tool_keys.end());
        read_table(path, *own, known, values);
    }
    return values;
}

std::vector<std::string> config_files() {
    std::vector<std::string> files;
    const char* xdg = std::getenv("XDG_CONFIG_HOME");
    const char* home = std::getenv("HOME");
    if (xdg && *xdg == '/')
        files.push_back(std::string(xdg) + "/beamcore/config.toml");
    else if (home && *home == '/')
        files.push_back(std::string(home) + "/.config/beamcore/config.toml");
    files.push_back(BEAM_SYSCONFDIR "/beamcore/config.toml");
    return files;
}

}  // namespace beam::tool
