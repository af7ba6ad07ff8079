// The commands of faultlab: each asks the node and prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/common/tool.hpp"

namespace faultlab {

/// Which faults, as it was typed.
struct drawing_options {
    std::optional<std::uint64_t> count, seed;
    std::string rate, for_time;
    bool dry_run = false;

    /// Whether more than one fault at once is wanted: then something is drawn.
    [[nodiscard]] bool is_drawn() const {
        return count.value_or(1) != 1 || !rate.empty() || !for_time.empty();
    }
};

struct run_options {
    std::string strategy = "one_for_one", restart, fault = "crash", victim;
    std::optional<std::uint64_t> workers, intensity, ready_port;
    drawing_options drawing;
    bool shrink = false;
    std::string period, hold, within, junit;
    std::vector<std::string> programs;  ///< `NAME=COMMAND`
    std::string ready_line, ready_command, ready_within, grace;
};

struct attack_options {
    std::string target, fault = "kill", hold, within;
    drawing_options drawing;
    bool include_system = false;
};

struct script_options {
    std::string file;   ///< `-`: stdin
    std::string check;  ///< a command that must succeed all the time; or empty
    std::optional<std::uint64_t> seed;
    bool dry_run = false;
};

beam::tool::exit_code run(beam::client& node, const run_options& options);
beam::tool::exit_code attack(beam::client& node, const attack_options& options);
beam::tool::exit_code script(beam::client& node, const script_options& options);
beam::tool::exit_code list(beam::client& node);
beam::tool::exit_code clear(beam::client& node);

// What they share.

/// Milliseconds of a duration as people type it, for the option named. Throws a failure with exit 2.
[[nodiscard]] std::int64_t milliseconds_of(const char* option, const std::string& text);

/// Whether a target may stand for several processes, so that one is drawn.
[[nodiscard]] bool is_pattern(const std::string& target);

/// A seed that was chosen here, on stderr, so that the run can be had again. Not with --quiet; with --json it
/// is in the events.
void say_seed(std::uint64_t seed, const beam::tool::common_state& common);

/// Adds count, rate, for_ms and seed; draws a seed if none was given, and says it on stderr if something
/// depends on it.
void add_drawing(nlohmann::json& params, const drawing_options& options, bool depends,
                 const beam::tool::common_state& common);

}  // namespace faultlab
