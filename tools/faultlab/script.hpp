// A script: timed faults and what is expected of what they hit. One step a line:
//
//     # a comment
//     run chatctl create room general
//     at 2s kill room general
//     expect chatctl send general hello within 5s
//     hang room general for 3s
//     expect not chatctl send general hello --timeout 500ms
//     at 5s kill node beam
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace faultlab {

enum class step_kind { fault, run, expect, expect_not };

struct step {
    std::size_t line = 0;  ///< in the file, from 1
    std::string text;      ///< as it was written, without white space around it
    step_kind kind = step_kind::run;
    std::optional<std::chrono::milliseconds>
        at{};              ///< since the start; without it: after the step before
    std::string fault;     ///< `kill`, `crash`, `hang`, `slow`
    std::string target;    ///< a process's name or a pattern, or a node's name
    bool is_node = false;  ///< said to be a node
    std::string command;   ///< for the shell
    /// How long a hang lasts; until when an expectation must hold.
    std::optional<std::chrono::milliseconds> time{};
};

/// Reads a script. Throws a failure with exit 65 that names `file` and the line.
[[nodiscard]] std::vector<step> parse_script(std::string_view text, const std::string& file);

}  // namespace faultlab
