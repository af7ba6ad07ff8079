// What the chat application answers on the control socket.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace chat {

void add_methods(beam::application_definition& app);

}  // namespace chat
