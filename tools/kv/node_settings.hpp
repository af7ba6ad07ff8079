// What a node is told of its store and its coordinator when it is started: options of the commands that begin a cluster.
#pragma once

#include <string>

#include "tools/common/tool.hpp"

namespace CLI {
class App;
}

namespace kv::client {

/// As typed; empty: not said.
struct node_settings {
    std::string engine, sync, coordinator, ca_file, certificate_file, key_file, password_file;
};

void add_node_settings(CLI::App& command, node_settings& typed);

/// A node that this command starts has them: they are put into the environment. Throws a failure (exit 2) for an engine, or a way
/// to sync, that is none.
void give_to_started_nodes(const node_settings& typed);

/// Throws a failure (exit 1) if the node, which ran before, has others.
void expect_of_node(beam::client& node, const node_settings& typed);

}  // namespace kv::client
