// config.toml: settings of the user and of the machine.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace beam::tool {

struct config_value {
    std::string text;    ///< as one would type it: durations as strings, true, 42
    std::string origin;  ///< `/etc/beamcore/config.toml:3`
};

/// Settings by key. A tool's own table beats the top level of the same file.
using config_values = std::map<std::string, config_value>;

/// Reads one file. Keys at the top level are those of `common_keys`; a table named after `tool` may
/// hold them and `tool_keys`; tables of the suite's other tools are left to them.
///
/// Throws a failure with exit 78 that names file and line: unreadable file, syntax, an unknown key, a
/// value that is neither string, number nor boolean.
[[nodiscard]] config_values read_config(const std::string& path, std::string_view tool,
                                        const std::vector<std::string>& common_keys,
                                        const std::vector<std::string>& tool_keys);

/// The files that are read when none is named, the user's first. Existing or not.
[[nodiscard]] std::vector<std::string> config_files();

}  // namespace beam::tool
