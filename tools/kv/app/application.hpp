// The application's supervision tree (application.cpp draws it).
#pragma once

#include "libbeamcore/otp/application.hpp"

namespace kv {

struct kv_app {
    static beam::awaitable<beam::start_result> start(beam::term);
};

}  // namespace kv
