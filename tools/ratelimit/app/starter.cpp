#include "tools/ratelimit/app/starter.hpp"

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace breakers {

namespace {

constexpr int tries_max = 100;

beam::future<beam::start_result> start_breaker(std::string name) {
    beam::child_spec spec(name, beam::child<breaker>(name), beam::restart_type::transient);
    return beam::dynamic_supervisor::start_child(ratelimit::breaker_supervisor(), std::move(spec));
}

}  // namespace

beam::awaitable<beam::init_result<starter>> starter::init() {
    for (const auto& [name, kept] : ratelimit::kept::breakers()) {
        if (find_breaker(name)) continue;
        auto starting = start_breaker(name);
        beam::start_result started = co_await starting;
        // One that its own supervisor starts again just now, or that cannot be read: the others must start.
        if (!started)
            beam::log(beam::log_level::warning, "breaker", "a breaker did not start",
                      {{"breaker", name}, {"reason", beam::to_string(started.error())}});
    }
    co_return starter();
}

beam::awaitable<beam::outcome<beam::pid>> ensure_breaker(std::string name) {
    beam::self me = beam::this_process();
    beam::term why = beam::atoms::noproc;
    for (int i = 0; i < tries_max; ++i) {
        if (auto p = find_breaker(name)) co_return *p;
        auto starting = start_breaker(name);
        beam::start_result started = co_await starting;
        beam::outcome<beam::pid> p = beam::started_pid(std::move(started));
        if (p) co_return *p;
        // Another was quicker: it is there now, or soon.
        if (p.error() != beam::atoms::ignore) co_return beam::pass_term(p);
        why = p.error();
        co_await me.yield();
    }
    co_return beam::fail_term(why);
}

beam::awaitable<beam::outcome<std::optional<beam::pid>>> known_breaker(std::string name) {
    using found = beam::outcome<std::optional<beam::pid>>;
    if (auto p = find_breaker(name)) co_return found(p);
    if (!find_row(name) && !ratelimit::kept::breaker(name)) co_return found(std::nullopt);
    beam::outcome<beam::pid> p = co_await ensure_breaker(name);
    if (!p) co_return beam::pass_term(p);
    co_return found(*p);
}

}  // namespace breakers
