// How a supervisor stops its children: one after the other, or those of a simple kind all at once.
#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/internal/supervisor_core.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::detail {

void supervisor_core::stop(self s, term reason) {
    reason_ = std::move(reason);
    if (children_.running() == 0) return end(s, reason_);
    if (is_fixed()) return wait_for(s, stop_all(s));
    stop_in_parallel(s);
}

awaitable<void> supervisor_core::stop_all(self s) {
    co_await stop_range(s, nullptr);
    done_ = true;
}

// Stops the children from the newest down to `first`, all of them without it. The temporary ones are
// gone afterwards.
awaitable<void> supervisor_core::stop_range(self s, supervised* first) {
    supervised* c = children_.newest();
    while (c) {
        supervised* older = c == first ? nullptr : c->older;
        if (c->is_running()) co_await stop_child(s, c);
        if (c->is_temporary())
            children_.remove(c);
        else
            children_.set_stopped(c);
        c = older;
    }
}

// Waits for the end of one child. A monitor tells of it, for a child that has unlinked itself would never
// be heard of otherwise.
awaitable<void> supervisor_core::stop_child(self s, supervised* c) {
    pid p = c->pid;
    bool at_once = c->shutdown_ms == supervised::kill_at_once;
    timeout limit = infinity{};
    if (c->shutdown_ms >= 0) limit = std::chrono::milliseconds(c->shutdown_ms);

    s.mark_mailbox();
    ref mon = monitor(p);
    exit(p, at_once ? atoms::kill : atoms::shutdown);
    auto is_mine = [mon](const down_message& d) { return d.monitor == mon; };
    std::optional<down_message> down = co_await s.receive_marked_if<down_message>(is_mine, limit);
    if (!down) {
        exit(p, atoms::kill);
        down = co_await s.receive_marked_if<down_message>(is_mine);
    }
    // After unlink no exit message of the child can come any more; one that is here has the true reason.
    unlink(p);
    auto from_child = [p](const exit_message& e) { return e.from == p; };
    auto told = co_await s.receive_if<exit_message>(from_child, std::chrono::milliseconds(0));
    term reason = told ? std::move(told->reason) : std::move(down->reason);
    if (!stopped_well(c, reason)) report(supervisor_event::shutdown_error, reason, c);
    children_.set_stopped(c);
}

bool supervisor_core::stopped_well(const supervised* c, const term& reason) const {
    if (c->shutdown_ms == supervised::kill_at_once && reason == atoms::killed) return true;
    if (c->shutdown_ms != supervised::kill_at_once && reason == atoms::shutdown) return true;
    return c->restart != restart_type::permanent && is_orderly(reason);
}

// Dynamic children: all are told to stop at once, each has its own time. Their links tell of the ends; who
// is slow is monitored as well, in case it has unlinked itself.
void supervisor_core::stop_in_parallel(self s) {
    phase_ = phase::stopping;
    next_ = children_.oldest();
    tell_to_stop(s);
}

// So many at a time, with what has come in between looked at: however many children there are, nobody waits
// long for this scheduler.
void supervisor_core::tell_to_stop(self s) {
    for (int batch = 1000; next_ && batch > 0; --batch) {
        supervised* c = next_;
        next_ = c->newer;
        if (!c->is_running())
            children_.remove(c);
        else
            exit(c->pid,
                 c->shutdown_ms == supervised::kill_at_once ? atoms::kill : atoms::shutdown);
    }
    if (next_) return send(own_, stop_more{});
    if (children_.size() == 0) return one_less(s);

    std::vector<std::int64_t> limits;
    for (supervised* c = children_.oldest(); c; c = c->newer) {
        if (c->shutdown_ms < 0) continue;
        if (std::find(limits.begin(), limits.end(), c->shutdown_ms) != limits.end()) continue;
        limits.push_back(c->shutdown_ms);
        send_after(std::chrono::milliseconds(c->shutdown_ms), own_, time_is_up{c->shutdown_ms});
    }
    send_after(std::chrono::milliseconds(100), own_, look_after_slow{});
}

void supervisor_core::handle_while_stopping(self s, message& m) {
    const type_descriptor* type = m.type();
    if (type == descriptor_of<exit_message>() || type == descriptor_of<down_message>()) {
        pid who{};
        term reason;
        if (type == descriptor_of<exit_message>()) {
            auto e = m.take<exit_message>();
            who = e.from;
            reason = std::move(e.reason);
        } else {
            auto d = m.take<down_message>();
            who = d.pid().value_or(pid{});
            reason = std::move(d.reason);
            // Unlinked, and dead before it was monitored: how, nobody knows.
            if (reason == atoms::noproc) reason = atoms::shutdown;
        }
        supervised* c = children_.find(who);
        if (!c) return;
        if (!stopped_well(c, reason)) ++bad_ends_[reason];
        if (c == next_) next_ = c->newer;
        children_.remove(c);
        return one_less(s);
    }
    if (type == descriptor_of<stop_more>()) return tell_to_stop(s);
    if (type == descriptor_of<time_is_up>()) {
        auto limit = m.take<time_is_up>().limit_ms;
        for (supervised* c = children_.oldest(); c; c = c->newer)
            if (c->shutdown_ms >= 0 && c->shutdown_ms <= limit) exit(c->pid, atoms::kill);
        return;
    }
    if (type == descriptor_of<look_after_slow>()) {
        for (supervised* c = children_.oldest(); c; c = c->newer) monitor(c->pid);
        return;
    }
    if (request_from(m)) {
        // Not answered: the caller is told of the end.
        begin_request(s.block(), m);
        end_request(s.block());
    }
}

void supervisor_core::one_less(self s) {
    if (children_.size() != 0) return;
    if (log_enabled(log_level::error))
        for (const auto& [reason, count] : bad_ends_)
            report_supervisor(name_term(), supervisor_event::shutdown_error, reason,
                              list({tuple(atom("nb_children"), count)}));
    end(s, reason_);
}

}  // namespace beam::detail
