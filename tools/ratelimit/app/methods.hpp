// What the application answers on the control socket.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace ratelimit {

void add_methods(beam::application_definition& app);

}  // namespace ratelimit
