// The faults of a script.
#pragma once

#include <cstdint>
#include <list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "tools/common/client.hpp"
#include "tools/faultlab/script.hpp"
#include "tools/faultlab/shell_command.hpp"

namespace faultlab {

/// Why a step is not as expected; nothing if it is.
using verdict = std::optional<std::string>;

class striker {
public:
    striker(beam::client& node, std::uint64_t seed) : node_(node), seed_(seed) {}

    /// Returns when the fault is in effect.
    [[nodiscard]] verdict strike(const step& s, const beam::tool::deadline& until);
    /// Ends what still goes on; so does its destruction.
    void undo() { holds_.clear(); }

private:
    [[nodiscard]] verdict strike_node(const step& s, int signal);
    [[nodiscard]] verdict strike_process(const step& s);
    [[nodiscard]] verdict hold_process(const step& s, const beam::tool::deadline& until);
    [[nodiscard]] nlohmann::json attack_params(const step& s);

    beam::client& node_;
    std::uint64_t seed_;
    std::list<background_command> holds_;
};

}  // namespace faultlab
