// What faultlab's application answers: run, attack, list, clear.
#pragma once

#include "libbeamcore/release/application_module.hpp"

namespace faultlab {

void add_methods(beam::application_definition& app);

}  // namespace faultlab
