// breaker: the calls that it lets through, and what they come to.
#include <algorithm>

#include "libbeamcore/runtime/link.hpp"
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/clock.hpp"

namespace breakers {

namespace {

using namespace std::chrono_literals;
using ratelimit::clock_now;

constexpr std::size_t permits_max = 10'000;
constexpr std::uint64_t whole_call = 1'000'000;  // in millionths

beam::term agenda_timer() {
    return beam::atom("agenda");
}

}  // namespace

permit breaker::make_permit(state_kind s, const ask& m) {
    permit p;
    p.id = ++last_permit_;
    p.began = clock_now();
    p.epoch = epoch_;
    const nanoseconds slow = m.slow > 0ns ? m.slow : settings_.slow;
    if (slow > 0ns) p.slow_at = p.began + slow.count();
    p.expires_at = p.began + settings_.permit_time.count();
    if (m.owner) {
        p.owner = m.owner;
        p.monitor = beam::monitor(*m.owner);
    }
    // A call whose process lives is under way; but a probe may not hold its place for ever.
    if (m.owner && s == state_kind::closed) p.expires_at = INT64_MAX;
    return p;
}

beam::transition breaker::refuse(const beam::from& caller, admission a) {
    ++rejected_;
    return keep_state().reply(caller, std::move(a));
}

beam::transition breaker::admit(state_kind s, const ask& m, const beam::from& caller) {
    last_event_ = clock_now();
    admission a;
    if (permits_.size() >= permits_max) {
        a.is_full = true;
        return refuse(caller, std::move(a));
    }
    const permit p = make_permit(s, m);
    permits_.add(p);
    ++calls_;
    a.allowed = true;
    a.permit = p.id;
    beam::transition t = with_agenda(keep_state());
    t.reply(caller, std::move(a));
    return t;
}

std::uint64_t breaker::share_now() const {
    if (ramp_from_ == 0) return whole_call;
    return ramp_share(settings_, nanoseconds(clock_now() - ramp_from_));
}

beam::transition breaker::handle_call(const closed&, const ask& m, const beam::from& caller) {
    const std::uint64_t share = share_now();
    if (share < whole_call) {
        ramp_credit_ += share;
        if (ramp_credit_ < whole_call) {
            admission a;
            a.share_ppm = share;
            return refuse(caller, std::move(a));
        }
        ramp_credit_ -= whole_call;
    }
    return admit(state_kind::closed, m, caller);
}

beam::transition breaker::handle_call(const half_open&, const ask& m, const beam::from& caller) {
    admission a;
    a.probes = permits_.open_in(epoch_);
    if (a.probes < settings_.probes) return admit(state_kind::half_open, m, caller);
    const std::int64_t due = permits_.due_at();
    a.retry_after =
        nanoseconds(due == INT64_MAX ? 0 : std::max<std::int64_t>(due - clock_now(), 1));
    return refuse(caller, std::move(a));
}

beam::transition breaker::handle_call(const open&, const ask&, const beam::from& caller) {
    admission a;
    if (until_ > 0) a.retry_after = nanoseconds(std::max<std::int64_t>(until_ - clock_now(), 1));
    return refuse(caller, std::move(a));
}

beam::transition breaker::handle_call(const disabled&, const ask&, const beam::from& caller) {
    ++calls_;
    admission a;
    a.allowed = true;
    a.permit = ++last_permit_;  // nobody waits for its end
    return keep_state().reply(caller, std::move(a));
}

// -- what they come to -----------------------------------------------------------------------------------

// A result that belongs to the state it is in. `epoch`: when the call began.
beam::transition breaker::count(state_kind s, std::uint32_t epoch, call_end end,
                                std::string reason) {
    last_event_ = clock_now();
    if (epoch != epoch_) return keep_state();
    if (s == state_kind::closed) {
        window_.add(last_event_, end);
        const call_counts counts = window_.counts(last_event_);
        if (end == call_end::success || !opens(settings_, counts)) return keep_state();
        return open_again(std::move(reason));
    }
    if (s != state_kind::half_open) return keep_state();
    if (end != call_end::success) return open_again(std::move(reason));
    if (++successes_ < settings_.successes) return keep_state();
    beam::transition t = closed_now();
    if (settings_.ramp > 0ns) ramp_from_ = last_event_;
    ramp_credit_ = whole_call;
    return t;
}

beam::transition breaker::end_of_call(state_kind s, const told& m, bool& known) {
    if (s == state_kind::disabled) return keep_state();
    const std::uint64_t id = m.permit > 0 ? m.permit : permits_.oldest(epoch_).value_or(0);
    const auto p = permits_.end(id);
    known = p || m.permit == 0;
    if (!known) return keep_state();
    nanoseconds took = m.took;
    std::int64_t slow = settings_.slow.count();
    if (p) {
        if (p->owner) {
            beam::demonitor(p->monitor, {.flush = true});
            beam::send(*p->owner, permit_ended{p->id});
        }
        if (p->counted || m.result == result_kind::unexecuted) return keep_state();
        if (took == 0ns) took = nanoseconds(clock_now() - p->began);
        slow = p->slow_at == INT64_MAX ? 0 : p->slow_at - p->began;
    }
    if (m.result == result_kind::unexecuted) return keep_state();
    const std::uint32_t epoch = p ? p->epoch : epoch_;
    if (m.result == result_kind::failure)
        return count(s, epoch, call_end::failure, m.reason.empty() ? "a call failed" : m.reason);
    if (slow > 0 && took.count() > slow)
        return count(s, epoch, call_end::slow, "a call took too long");
    return count(s, epoch, call_end::success, {});
}

beam::transition breaker::owner_died(state_kind s, const beam::ref& monitor) {
    const auto p = permits_.end_of(monitor);
    if (!p || p->counted) return keep_state();
    return count(s, p->epoch, call_end::failure, "a call's process died");
}

// One at a time: it may change the state. What is due still is looked at when its timer fires, at once.
beam::transition breaker::due_permits(state_kind s) {
    const auto due = permits_.next_due(clock_now());
    if (!due) return keep_state();
    const permit& p = due->second;
    if (due->first == permit_event::slow)
        return count(s, p.epoch, call_end::slow, "a call takes too long");
    if (p.owner) {
        beam::demonitor(p.monitor, {.flush = true});
        beam::send(*p.owner, permit_ended{p.id});
    }
    if (p.counted) return keep_state();
    return count(s, p.epoch, call_end::failure, "a call was not heard of");
}

beam::transition breaker::with_agenda(beam::transition t) {
    const std::int64_t due = permits_.due_at();
    if (due == agenda_at_) return t;
    agenda_at_ = due;
    if (due == INT64_MAX)
        t.timeout(agenda_timer(), beam::cancel_running{});
    else
        t.timeout(agenda_timer(), beam::time_limit::at(nanoseconds(due)));
    return t;
}

beam::transition breaker::agenda_due(state_kind s) {
    agenda_at_ = INT64_MAX;
    return with_agenda(due_permits(s));
}

}  // namespace breakers
