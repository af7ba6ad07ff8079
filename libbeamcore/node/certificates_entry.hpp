// dist::make_certificates() for beamd, which does not link libbeamcore.
#pragma once

#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/certificates.hpp"

/// Under a name that beamd can look up: it loads libbeamcore only for this, with dlopen.
extern "C" BEAM_EXPORT void beam_make_certificates(
    const beam::dist::certificates_wish* wish,
    beam::result<std::vector<beam::dist::certificate_state>>* made);
