// What an application may know of the node that it runs in.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"

namespace beam {

struct node_facts {
    std::string name = "nonode";
    /// Where applications keep what must survive: a folder of mode 0700, an application's store in a folder
    /// of the application's name in it. Empty in a runtime that no node was booted in (tests).
    std::filesystem::path store_folder;
    std::filesystem::path log_file;  ///< for people; empty likewise
    std::filesystem::path socket;    ///< the control socket; empty likewise
    /// The nodes of the user's default cluster, full names, if this is one of them: those that are there together
    /// without anybody having said so.
    std::vector<std::string> default_cluster{};
};

/// Those of the calling process's node.
[[nodiscard]] BEAM_EXPORT node_facts this_node_facts();
/// Set once, by whoever boots the node (or a test).
BEAM_EXPORT void set_node_facts(runtime& node, node_facts facts);

}  // namespace beam
