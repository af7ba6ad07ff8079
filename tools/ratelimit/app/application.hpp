// The application's supervision tree (application.cpp draws it), and why a node that has it stays.
#pragma once

#include <optional>
#include <string>

#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/supervisor.hpp"

namespace breakers {

struct breakers_sup {
    static beam::supervisor_init init();
};

}  // namespace breakers

namespace ratelimit {

struct ratelimit_app {
    static beam::awaitable<beam::start_result> start(beam::term);
};

/// What an idle node would lose that somebody counts on: spent limits and open breakers.
[[nodiscard]] beam::awaitable<std::optional<std::string>> why_it_stays();

}  // namespace ratelimit
