// breaker: what people do to it. All of it is on disk before it is answered.
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/clock.hpp"
#include "tools/ratelimit/app/kept.hpp"

namespace breakers {

namespace {

using namespace std::chrono_literals;
using ratelimit::clock_now;
using ratelimit::wall_ms;
namespace kept = ratelimit::kept;

}  // namespace

kept_breaker breaker::to_keep() const {
    kept_breaker k;
    if (own_settings_) k.own = settings_;
    return k;
}

beam::awaitable<beam::transition> breaker::forced(state_kind s, force m, beam::from caller) {
    const bool is_off = s == state_kind::disabled;
    const bool fits = is_off ? m.what == force_kind::enable || m.what == force_kind::disable
                             : m.what != force_kind::enable;
    if (!fits) co_return keep_state().reply(caller, beam::outcome<bool>(false));
    kept_breaker k = to_keep();
    if (m.what == force_kind::trip || m.what == force_kind::disable) {
        k.forced = m.what == force_kind::trip ? state_kind::open : state_kind::disabled;
        k.since_ms = wall_ms();
        k.by = m.by;
        k.reason = m.reason;
        if (m.time > 0ns)
            k.until_ms = k.since_ms + std::chrono::ceil<std::chrono::milliseconds>(m.time).count();
    }
    beam::outcome<void> saved;
    if (k.is_empty())
        saved = co_await kept::erase_breaker(name_);
    else
        saved = co_await kept::save_breaker(name_, beam::to_term(k));
    if (!saved) {
        beam::outcome<bool> failed = beam::fail_term(saved.error());
        co_return keep_state().reply(caller, std::move(failed));
    }
    beam::transition t = m.what == force_kind::trip                ? opened_for(m.time)
                         : is_off && m.what == force_kind::disable ? repeat_state()
                         : m.what == force_kind::disable           ? next_state(disabled{})
                                                                   : closed_now();
    if (k.forced) {
        forced_ = true;
        by_ = m.by;
        reason_ = m.reason;
    }
    if (m.what == force_kind::reset) again_ = 0;
    if (s == state_kind::closed && m.what == force_kind::reset) write_row(s);  // its ramp is over
    t.reply(caller, beam::outcome<bool>(true));
    co_return t;
}

beam::awaitable<beam::transition> breaker::changed_settings(set m, beam::from caller) {
    auto made = changed(settings_, m.changes);
    if (!made) {
        beam::outcome<bool> bad =
            beam::fail_term(beam::tuple(beam::atom(made.error().code), made.error().detail));
        co_return keep_state().reply(caller, std::move(bad));
    }
    kept_breaker k = read_kept(name_);
    k.own = *made;
    beam::outcome<void> saved = co_await kept::save_breaker(name_, beam::to_term(k));
    beam::outcome<bool> answer = true;
    if (!saved) {
        answer = beam::fail_term(saved.error());
    } else {
        settings_ = *made;
        own_settings_ = true;
        window_ = call_window(settings_.window, settings_.window_calls);
    }
    co_return keep_state().reply(caller, std::move(answer));
}

beam::awaitable<beam::transition> breaker::forgotten(beam::from caller) {
    beam::outcome<void> erased = co_await kept::erase_breaker(name_);
    if (!erased) {
        beam::outcome<bool> failed = beam::fail_term(erased.error());
        co_return keep_state().reply(caller, std::move(failed));
    }
    erase_row(name_);
    beam::transition stop = beam::stop_with{beam::atoms::normal};
    stop.reply(caller, beam::outcome<bool>(true));
    co_return stop;
}

}  // namespace breakers
