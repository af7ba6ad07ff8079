// Whom an attack may hit: the processes of supervision trees, by the names people know them by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace faultlab {

struct target {
    beam::pid pid;
    std::string name;         ///< registered, else the label, else the child's id, else its code
    std::string application;  ///< whose tree it stands in; `node` for the node's own
    std::vector<std::string> names;  ///< all of these, and the pid as it is printed
    bool is_system = false;  ///< the node's own, faultlab's own, or what an application stands on
};

/// The processes of all trees, or without the node's own. Supervisors are asked for their children, and
/// nobody else is asked anything; one that does not answer within a second is passed over.
[[nodiscard]] beam::awaitable<std::vector<target>> all_targets(bool with_system);

/// Whether one of its names fits a pattern of the shell (`room *`).
[[nodiscard]] bool matches(const target& t, const std::string& pattern);

}  // namespace faultlab
