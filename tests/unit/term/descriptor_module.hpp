// What descriptor_module.cpp shows of itself to descriptor_test.cpp.
#pragma once

#include "libbeamcore/term/descriptor.hpp"

struct module_view {
    const beam::type_descriptor* greeting;
    const beam::type_descriptor* string;
    const beam::type_descriptor* term;
    beam::atom ok;
    void* sent;  // a greeting of the module's
};
