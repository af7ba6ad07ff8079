// The names that the parts of the faultlab application know each other by.
#pragma once

#include "libbeamcore/term/atom.hpp"

namespace faultlab {

inline beam::atom application_name() {
    return beam::atom("faultlab");
}
inline beam::atom leases_supervisor() {
    return beam::atom("faultlab_leases");
}

}  // namespace faultlab
