// The application's tree in a node of a test.
#pragma once

#include <chrono>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tests/support/restarting.hpp"
#include "tests/support/simulated.hpp"
#include "tools/ratelimit/app/application.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace test {

/// Starts it, linked to the caller. Gives its supervisor.
inline beam::awaitable<beam::pid> start_application() {
    beam::start_result started = co_await ratelimit::ratelimit_app::start(beam::nil);
    beam::outcome<beam::pid> p = beam::started_pid(std::move(started));
    REQUIRE(p.has_value());
    co_return *p;
}

inline ratelimit::verdict check(const std::string& key, const ratelimit::limit& l = {},
                                std::uint64_t cost = 1) {
    return ratelimit::charge(ratelimit::usage_name(), ratelimit::row_name("default", key), l, cost);
}

}  // namespace test
