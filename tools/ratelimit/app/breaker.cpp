#include "tools/ratelimit/app/breaker.hpp"

#include <algorithm>

#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "tools/ratelimit/app/clock.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace breakers {

namespace {

using namespace std::chrono_literals;
using ratelimit::clock_now;
using ratelimit::wall_ms;
namespace kept = ratelimit::kept;

constexpr std::uint64_t permits_a_start = 1'000'000;
constexpr auto forgotten_after = 1h;

beam::term idle_timer() {
    return beam::atom("idle");
}

state_kind kind_named(const beam::term& state) {
    for (const auto s : {state_kind::open, state_kind::half_open, state_kind::disabled}) {
        const beam::term name = beam::atom(name_of(s));
        if (state == name || (!state.elements().empty() && state.elements()[0] == name)) return s;
    }
    return state_kind::closed;
}

}  // namespace

// -- what others see -------------------------------------------------------------------------------------

beam::future<admission> breaker::allow(beam::pid p, std::optional<beam::pid> owner,
                                       nanoseconds slow) {
    return beam::call<ask>(p, owner, slow);
}
beam::future<bool> breaker::tell(beam::pid p, std::uint64_t permit, result_kind result,
                                 nanoseconds took, std::string reason) {
    return beam::call<told>(p, permit, result, took, std::move(reason));
}
beam::future<status> breaker::look_at(beam::pid p) {
    return beam::call<look>(p);
}
beam::future<beam::outcome<bool>> breaker::apply_force(beam::pid p, force_kind what,
                                                       nanoseconds time, std::string by,
                                                       std::string reason) {
    return beam::call<force>(p, what, time, std::move(by), std::move(reason));
}
beam::future<beam::outcome<bool>> breaker::change(beam::pid p, settings_text changes) {
    return beam::call<set>(p, std::move(changes));
}
beam::future<beam::outcome<bool>> breaker::drop(beam::pid p) {
    return beam::call<forget>(p);
}
void breaker::write_row(beam::pid p) {
    beam::cast<publish>(p);
}

// -- the beginning ---------------------------------------------------------------------------------------

beam::statem_init<breaker> breaker::init(std::string name) {
    auto registered = beam::registry::register_key(ratelimit::breaker_registry(), name);
    if (!registered)
        return beam::ignore{};  // its supervisor, or another who wanted it, was quicker
    beam::set_label("breaker " + name);
    breaker b;
    b.name_ = name;
    b.random_ = beam::random_generator(beam::secure_random_64());
    b.since_ms_ = wall_ms();
    b.last_event_ = clock_now();
    const kept_breaker k = read_kept(name);
    if (k.own) {
        b.settings_ = *k.own;
        b.own_settings_ = true;
    }
    b.window_ = call_window(b.settings_.window, b.settings_.window_calls);
    state_kind state = state_kind::closed;
    if (const auto row = find_row(name)) {  // the process before this one died
        state = row->state;
        b.forced_ = row->forced;
        b.until_ = row->until;
        b.since_ms_ = row->since_ms;
        b.again_ = row->again;
        b.opened_ = row->opened;
        b.starts_ = row->starts + 1;
        b.ramp_from_ = row->ramp_from;
        b.reason_ = row->reason;
        b.by_ = row->by;
        if (state == state_kind::open) b.opened_at_ms_ = row->since_ms;
    } else if (k.forced && (k.until_ms == 0 || k.until_ms > wall_ms())) {
        // The node before this one ended.
        state = *k.forced;
        b.forced_ = true;
        b.since_ms_ = k.since_ms;
        b.reason_ = k.reason;
        b.by_ = k.by;
        if (k.until_ms > 0)
            b.until_ = clock_now() +
                       nanoseconds(std::chrono::milliseconds(k.until_ms - wall_ms())).count();
    }
    b.last_permit_ = b.starts_ * permits_a_start;
    b.write_row(state);
    beam::transition first = [&]() -> beam::transition {
        switch (state) {
            case state_kind::closed:
                return next_state(closed{});
            case state_kind::half_open:
                return next_state(half_open{});
            case state_kind::disabled:
                return next_state(disabled{});
            case state_kind::open:
                break;
        }
        beam::transition t = next_state(open{b.opened_});
        if (b.until_ > 0) t.state_timeout(beam::time_limit::at(nanoseconds(b.until_)));
        return t;
    }();
    first.timeout(idle_timer(), beam::time_limit(forgotten_after));
    return {std::move(b), std::move(first)};
}

// -- states ----------------------------------------------------------------------------------------------

void breaker::handle_enter(const beam::term& old, const closed&) {
    again_ = 0;
    entered(old, state_kind::closed);
}
void breaker::handle_enter(const beam::term& old, const open&) {
    entered(old, state_kind::open);
}
void breaker::handle_enter(const beam::term& old, const half_open&) {
    successes_ = 0;
    entered(old, state_kind::half_open);
}
void breaker::handle_enter(const beam::term& old, const disabled&) {
    entered(old, state_kind::disabled);
}

void breaker::entered(const beam::term& old, state_kind s) {
    ++epoch_;
    // The first entry is that of the start: what it was before is itself, and init has written it.
    if (epoch_ == 1) return;
    since_ms_ = wall_ms();
    breaker_event e;
    e.name = name_;
    e.from = kind_named(old);
    e.to = s;
    e.at_ms = since_ms_;
    if (s == state_kind::open && until_ > 0)
        e.cooldown_ms = (until_ - clock_now() + 999'999) / 1'000'000;
    e.reason = reason_;
    e.by = by_;
    tell_watchers(e);
    write_row(s);
}

void breaker::write_row(state_kind s) const {
    breaker_row row;
    row.name = name_;
    row.state = s;
    row.forced = forced_;
    row.until = s == state_kind::open ? until_ : 0;
    row.since_ms = since_ms_;
    row.again = again_;
    row.opened = opened_;
    row.starts = starts_;
    row.ramp_from = s == state_kind::closed ? ramp_from_ : 0;
    row.reason = reason_;
    row.by = by_;
    put_row(row);
}

status breaker::status_in(state_kind s) const {
    const std::int64_t now = clock_now();
    status told;
    told.state = s;
    told.forced = forced_;
    if (s == state_kind::open && until_ > 0)
        told.left = nanoseconds(std::max<std::int64_t>(until_ - now, 0));
    told.reason = reason_;
    told.by = by_;
    told.since_ms = since_ms_;
    told.counts = window_.counts(now);
    told.permits = permits_.size();
    if (s == state_kind::half_open) told.probes = permits_.open_in(epoch_);
    told.successes = successes_;
    told.opened = opened_;
    told.opened_at_ms = opened_at_ms_;
    told.rejected = rejected_;
    told.calls = calls_;
    if (s == state_kind::closed) told.share_ppm = share_now();
    told.in_force = settings_;
    told.own_settings = own_settings_;
    return told;
}

beam::transition breaker::opened_for(nanoseconds time) {
    ++opened_;
    opened_at_ms_ = wall_ms();
    until_ = time > 0ns ? clock_now() + time.count() : 0;
    beam::transition t = next_state(open{opened_});
    if (until_ > 0) t.state_timeout(beam::time_limit::at(nanoseconds(until_)));
    return t;
}

beam::transition breaker::open_again(std::string reason) {
    forced_ = false;
    by_.clear();
    reason_ = std::move(reason);
    const auto random = static_cast<std::uint32_t>(random_());
    return opened_for(cooldown_of(settings_, again_++, random));
}

beam::transition breaker::closed_now() {
    forced_ = false;
    reason_.clear();
    by_.clear();
    until_ = ramp_from_ = 0;
    window_.clear();
    return next_state(closed{});
}

beam::transition breaker::handle_state_timeout(const open&, std::int64_t) {
    forced_ = false;
    return next_state(half_open{});
}

beam::transition breaker::timer_fired(state_kind s, const beam::term& name) {
    if (name != idle_timer()) return agenda_due(s);
    if (is_forgettable(s, clock_now())) {
        erase_row(name_);
        return beam::stop_with{beam::atoms::normal};
    }
    beam::transition t = keep_state();
    t.timeout(idle_timer(), beam::time_limit(forgotten_after));
    return t;
}

bool breaker::is_forgettable(state_kind s, std::int64_t now) const {
    return s == state_kind::closed && !own_settings_ && permits_.size() == 0 &&
           window_.empty_from() <= now && last_event_ + nanoseconds(forgotten_after).count() <= now;
}

}  // namespace breakers
