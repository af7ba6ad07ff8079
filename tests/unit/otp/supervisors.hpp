// Supervisors for their tests: flags, terms that their init gives, children that do not start.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "children.hpp"
#include "libbeamcore/otp/supervisor.hpp"

namespace test {

inline constexpr auto permanent = beam::restart_type::permanent;
inline constexpr auto transient = beam::restart_type::transient;
inline constexpr auto temporary = beam::restart_type::temporary;

inline beam::supervisor_flags flags_of(beam::restart_strategy strategy, int intensity = 1,
                                       int period = 5) {
    beam::supervisor_flags f;
    f.strategy = strategy;
    f.intensity = intensity;
    f.period = std::chrono::seconds(period);
    return f;
}
inline const beam::supervisor_flags one = flags_of(beam::restart_strategy::one_for_one, 100);
inline const beam::supervisor_flags all = flags_of(beam::restart_strategy::one_for_all, 100);
inline const beam::supervisor_flags rest = flags_of(beam::restart_strategy::rest_for_one, 100);
inline const beam::supervisor_flags simple =
    flags_of(beam::restart_strategy::simple_one_for_one, 100);

inline beam::term t(const char* text) {
    auto parsed = beam::parse_term(text);
    REQUIRE(parsed.has_value());
    return *parsed;
}

// A supervisor whose init gives what it is given.
struct told_sup {
    static beam::term init(beam::term answer) { return answer; }
};

inline beam::term told(const char* flags, const char* specs) {
    return beam::tuple(beam::atoms::ok, beam::tuple(t(flags), t(specs)));
}

inline beam::awaitable<std::string> start_told(beam::self s, beam::term answer) {
    s.trap_exit(true);
    beam::start_result r = co_await beam::supervisor::start_link<told_sup>(answer);
    if (r) co_return "ok";
    co_return shown(r.error());
}

inline void cast_end(beam::pid p, beam::term reason) {
    beam::cast<end_with>(p, std::move(reason));
}

inline beam::child_start ignoring_start() {
    return beam::child_start([] { return beam::start_result(beam::ignore{}); });
}

inline beam::child_start error_start(const char* reason) {
    return beam::child_start([why = beam::term(beam::atom(reason))] {
        return beam::start_result(beam::fail_term(why));
    });
}

}  // namespace test
