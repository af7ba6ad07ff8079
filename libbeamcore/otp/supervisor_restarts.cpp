// What a supervisor does when a child ends.
#include <chrono>

#include "libbeamcore/otp/internal/supervisor_core.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::detail {

namespace {

std::int64_t monotonic_seconds() {
    return std::chrono::floor<std::chrono::seconds>(monotonic_time()).count();
}

}  // namespace

void supervisor_core::handle_exit(self s, exit_message e) {
    if (e.from == parent_) return stop(s, std::move(e.reason));
    supervised* c = children_.find(e.from);
    if (!c || !c->is_running()) return;

    bool failed = !is_orderly(e.reason);
    if (c->restart == restart_type::permanent || (failed && !c->is_temporary()))
        return restart(s, c, &e.reason);
    if (failed) report(supervisor_event::child_terminated, e.reason, c);
    after_end(s, c);
}

// The child has ended by itself and stays down.
void supervisor_core::after_end(self s, supervised* c) {
    bool significant = c->significant && flags_.auto_shutdown != auto_shutdown_type::never;
    forget(c);
    if (!significant) return;
    if (flags_.auto_shutdown == auto_shutdown_type::all_significant) {
        if (!is_fixed() && children_.size() != 0) return;
        for (const supervised* o = children_.oldest(); o; o = o->newer)
            if (o->significant && o->status != child_status::stopped) return;
    }
    stop(s, atoms::shutdown);
}

// Not running any more: a dynamic or temporary child is gone, another one keeps its specification.
void supervisor_core::forget(supervised* c) {
    if (!is_fixed() || c->is_temporary())
        children_.remove(c);
    else
        children_.set_stopped(c);
}

// `ended`: the reason of the end that this restart answers; null for another attempt.
void supervisor_core::restart(self s, supervised* c, const term* ended) {
    auto count = restarts_.add(monotonic_seconds(), flags_.period.count());
    if (ended) report(supervisor_event::child_terminated, *ended, c);
    if (count > std::uint64_t(flags_.intensity)) {
        report(supervisor_event::shutdown, atom("reached_max_restart_intensity"), c);
        forget(c);
        return stop(s, atoms::shutdown);
    }
    switch (flags_.strategy) {
        case restart_strategy::one_for_all:
        case restart_strategy::rest_for_one:
            return wait_for(s, restart_several(s, c));
        default:
            break;
    }
    if (c->start.waits()) return wait_for(s, restart_one_waiting(s, c));
    finish_restart(s, c, c->start.start());
}

awaitable<void> supervisor_core::restart_one_waiting(self s, supervised* c) {
    start_result r = co_await c->start.start_waiting();
    finish_restart(s, c, std::move(r));
}

void supervisor_core::finish_restart(self s, supervised* c, start_result r) {
    if (!r) {
        report(supervisor_event::start_error, r.error(), c);
        children_.set_restarting(c);
        return again(s, c);
    }
    if (auto p = pid_of(r)) {
        children_.set_running(c, p);
        if (is_fixed()) report_started(c);
    } else {
        forget(c);
    }
}

// Through the mailbox, so that a stop or a termination of that child gets its turn.
void supervisor_core::again(self, supervised* c) {
    send(own_, try_again{c->id, c->pid});
}

void supervisor_core::handle_try_again(self s, const try_again& t) {
    supervised* c = is_fixed() ? children_.find(t.id) : children_.find(t.child);
    if (c && c->status == child_status::restarting) restart(s, c, nullptr);
}

// one_for_all and rest_for_one: stops what runs of the range, last first, and starts it in order.
awaitable<void> supervisor_core::restart_several(self s, supervised* c) {
    children_.set_stopped(c);
    bool all = flags_.strategy == restart_strategy::one_for_all;
    // c itself is not temporary, so it stays when stop_range takes the temporary ones out.
    co_await stop_range(s, all ? nullptr : c);
    supervised* next = all ? children_.oldest() : c;
    while (next) {
        supervised* now = next;
        start_result r = fail_term(term());
        if (now->start.waits())
            r = co_await now->start.start_waiting();
        else
            r = now->start.start();
        next = now->newer;
        if (!r) {
            report(supervisor_event::start_error, r.error(), now);
            children_.set_restarting(now);
            again(s, now);
            co_return;
        }
        if (auto p = pid_of(r)) {
            children_.set_running(now, p);
            report_started(now);
        }
    }
}

}  // namespace beam::detail
