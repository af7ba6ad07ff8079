// Completion scripts, made from the commands and options a tool declares.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace beam::tool {

/// The script for `bash`, `zsh` or `fish`; empty for another shell. An option whose value is one of a list
/// says so by its type: `option->type_name("{one,two}")`.
[[nodiscard]] std::string completion_script(const CLI::App& app, std::string_view shell);

}  // namespace beam::tool
