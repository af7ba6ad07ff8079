// The options that every tool has, and where their values come from.
//
// Precedence: option, environment, the user's config file, the system's, built-in.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/color.hpp"
#include "tools/common/config.hpp"
#include "tools/common/deadline.hpp"
#include "tools/common/output.hpp"

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace beam::tool {

/// A value and who set it, for `TOOL config --origin`.
struct setting {
    std::string name;
    std::string value;
    std::string origin;  ///< `option`, `environment BEAM_NODE`, `FILE:LINE`, `built-in`
};

struct common_state {
    // Set by the tool before parsing.
    std::string tool;
    std::string default_node = "beam";
    std::vector<std::string> config_keys;  ///< keys of its own table in config.toml
    bool has_batch = true;                 ///< offers `TOOL batch`
    std::string application;               ///< whose methods it asks; empty: named as the tool
    bool wants_command = true;             ///< without a command: short usage, exit 2

    // Resolved by parsing.
    std::string node;
    std::string socket;
    std::optional<std::chrono::nanoseconds> timeout;  ///< nothing: none
    bool timeout_is_default = true;                   ///< streams have none then
    bool spawn = true;
    bool json = false;
    bool quiet = false;
    int verbose = 0;
    color_when color = color_when::automatic;
    std::string user;  ///< `--as`; empty: the node names a guest
    std::optional<std::chrono::nanoseconds> watch;
    bool yes = false;
    std::vector<const CLI::App*> once;  ///< the commands that --watch does not repeat
    std::string what;                   ///< the command as typed: `get key1`
    std::vector<setting> settings;
    config_values config;  ///< of config_keys and the common keys

    output out{1};

    // What CLI11 writes into.
    struct {
        std::string node, socket, timeout, color, user, watch, config_file;
        bool no_spawn = false, json = false, quiet = false;
        int verbose = 0;
    } typed;
    CLI::App* app = nullptr;

    /// Prints one result: `text` (newlines between lines, none at the end), or `value` with --json.
    /// Nothing with --quiet.
    void print(std::string_view text, const nlohmann::json& value);

    /// A notice on stderr: only if that is a tty, and not with --quiet.
    void notice(std::string_view text) const;

    /// A diagnosis on stderr, with -v (level 1) or -vv (2).
    void trace(int level, std::string_view text) const;

    /// A value from the tool's table in config.toml.
    [[nodiscard]] std::optional<std::string> config_text(const std::string& key) const;

    /// When the whole command must be done.
    [[nodiscard]] deadline until() const { return timeout ? deadline::in(*timeout) : deadline(); }
};

/// Shared between what the tool's main declares and what runs.
using common_options = std::shared_ptr<common_state>;

/// Adds the common options, `--help`, `--version` and the commands `config`, `completion` (and later
/// `batch`). Call it before adding commands: they inherit that options may stand anywhere.
[[nodiscard]] common_options add_common_options(CLI::App& app, std::string default_node = "beam");

/// Adds `--yes` to a destructive command.
void add_yes_option(CLI::App& command, const common_options& common);

/// Declares that `command` changes something, or waits or goes on by itself: `--watch`, which would run
/// it again and again, is refused with exit 2.
void runs_once(const CLI::App& command, const common_options& common);

/// The examples that `--help` begins with, one a line.
void examples(CLI::App& command, std::string lines);

/// For an option that counts: digits only, and no more than 2^63 - 1. Anything else is a failure with
/// exit 2 that names the option.
[[nodiscard]] CLI::Validator whole_number(std::string option);

/// Resolves what was typed, after parsing. Throws a failure: exit 2 for a malformed option or
/// environment value, 78 for a configuration file.
void resolve(common_state& common);

/// Reads the same configuration files again, into common.config alone. Throws a failure with exit 78.
void reread_config(common_state& common);

/// Asks on the terminal if stdin and stderr are ttys, else wants `--yes`. Throws a failure: exit 2
/// without it, 1 when the answer is no.
void confirm(const common_options& common, std::string_view question);

}  // namespace beam::tool
