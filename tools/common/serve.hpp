// The command `serve` of tools whose application speaks RESP.
#pragma once

#include <string>

#include "tools/common/tool.hpp"

namespace CLI {
class App;
}

namespace beam::tool {

/// What was typed behind it.
struct serve_words {
    std::string address;  ///< empty: `resp` of the tool's table in config.toml
    bool allow_remote = false;
    bool stop = false;
};

/// Adds it. `words` is filled in when the command line is read. The tool's config_keys name `resp`.
CLI::App* add_serve_command(CLI::App& app, serve_words& words);
/// Asks for it, and prints where it is served.
exit_code serve(client& node, const serve_words& words);

}  // namespace beam::tool
