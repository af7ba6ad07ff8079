// What the cache answers on the node's control socket.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace cache {

void add_methods(beam::application_definition& app);
void add_value_methods(beam::application_definition& app);  // of them, those about single entries

/// Why the node should not leave: entries that have not expired.
beam::awaitable<std::optional<std::string>> live_entries();

}  // namespace cache
