// Whether something raises badarg.
#pragma once

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/term/atoms.hpp"

namespace test {

template <class F>
bool badarg(F act) {
    try {
        act();
    } catch (const beam::error_exception& e) {
        return e.reason == beam::atoms::badarg;
    }
    return false;
}

}  // namespace test
