// What `--dist` is told besides its address, from the command line, the environment and config.toml.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tools/common/options.hpp"

namespace CLI {
class App;
}

namespace beam::beamd {

/// As typed.
struct typed_dist_settings {
    std::vector<std::string> join, dns;
    std::string tick, port;
    bool hidden = false;

    /// Whether the command line says anything.
    [[nodiscard]] bool any() const;
};

void add_dist_options(CLI::App& app, typed_dist_settings& typed);
/// Its keys in the table [beamd] of config.toml.
[[nodiscard]] const std::vector<std::string>& dist_config_keys();

/// For node_options::dist_settings. Throws a failure: exit 2 for a malformed option or environment value, 78 for one of a file.
[[nodiscard]] std::map<std::string, std::string> resolve_dist_settings(
    const tool::common_state& common, const typed_dist_settings& typed);

/// The option that says so, as one word.
[[nodiscard]] std::string dist_argument(const std::string& name, const std::string& value);

}  // namespace beam::beamd
