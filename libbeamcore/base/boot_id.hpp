// boot_id: which start of the machine this is.
#pragma once

#include <string>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// The kernel's name for the time since the machine was started, random: another one after each start, the same for all its
/// processes and containers. Empty: the kernel does not say (random(4)).
[[nodiscard]] BEAM_EXPORT std::string boot_id();

}  // namespace beam
