// The application's supervision tree (application.cpp draws it), and why a node that has it stays.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/pubsub/peers.hpp"

namespace presence {

struct presence_app {
    static beam::awaitable<beam::start_result> start(beam::term);
};

/// The tree, in a network of the caller's: for tests. Null: the nodes that this one is connected with.
[[nodiscard]] beam::awaitable<beam::start_result> start_tree(std::shared_ptr<beam::peers> others);

/// Sessions would end with the node.
[[nodiscard]] beam::awaitable<std::optional<std::string>> why_it_stays();

}  // namespace presence
