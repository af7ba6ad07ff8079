// What an answer without a value carries.
#pragma once

#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam::detail {
struct unit {
    BEAM_FIELDS(unit)
};
}  // namespace beam::detail

BEAM_EXPORTED_DESCRIPTOR(beam::detail::unit);
