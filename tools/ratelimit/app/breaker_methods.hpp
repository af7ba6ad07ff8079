// What the application answers to `breaker.*`.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace breakers {

void add_methods(beam::application_definition& app);

}  // namespace breakers
