// How --help and usage errors look.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "tools/common/failure.hpp"

namespace beam::tool {

/// `--help`: examples first (the command's footer), then description, usage, commands, options.
class help_formatter : public CLI::Formatter {
public:
    help_formatter() {
        column_width(30);
        label("Positionals", "Arguments");
    }
    std::string make_help(const CLI::App* app, std::string name,
                          CLI::AppFormatMode mode) const override;
    std::string make_usage(const CLI::App* app, std::string name) const override;
    std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
    std::string make_option_opts(const CLI::Option* option) const override;
};

/// Short usage for stderr, when no command was given.
[[nodiscard]] std::string short_usage(const CLI::App& app);

/// What is wrong with the command line: exit 2, naming the nearest command or option.
[[nodiscard]] failure usage_failure(const CLI::App& app, const CLI::ParseError& error);

}  // namespace beam::tool
