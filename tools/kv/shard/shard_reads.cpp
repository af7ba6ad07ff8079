// Reads: the value first, then whether this store might still tell it.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/shard.hpp"

namespace kv {

void shard::read(const instant& at, std::uint64_t origin, read_request request, outputs& out) {
    if (waiting() >= config_.waiting_max) {
        tell(origin, answer_of(answer::kind::busy), out);
        return;
    }
    pending_read r;
    r.origin = origin;
    r.deadline = at.now + request.patience;
    r.request = std::move(request);
    try_read(at, std::move(r), out);
    finish(at, out);
}

/// How old what is applied here may be, by this store's clock alone; nothing: nobody knows.
std::optional<std::chrono::nanoseconds> shard::age(time now) const {
    if (role_ != role::replica || !is_member_ || !fresh_as_of_) return std::nullopt;
    return now - *fresh_as_of_;
}

bool shard::may_answer(time now) const {
    const auto old = age(now);
    return old && *old <= config_.replica_age();
}

bool shard::may_tell(time now) const {
    return may_read(now) || (term_ && term_->is_serving && !rules_.check_leases);
}

/// Looks the key up if that may come to an answer; else the read waits, or is sent to the primary.
void shard::try_read(const instant& at, pending_read r, outputs& out) {
    if (at.now >= r.deadline)
        return tell(r.origin,
                    answer_of(answer::kind::unavailable, "no contact with the other copies"), out);
    if (term_) {
        r.prepared_until.reset();
        if (!may_tell(at.now) || term_->moving_to || log_.applied_seq() < r.after_seq) {
            held_reads_.push_back(std::move(r));
            return;
        }
        r.epoch = term_->first_epoch;
    } else {
        const auto old = age(at.now);
        const bool may =
            !r.request.primary_only && old && (*old <= config_.replica_age() || r.request.stale);
        if (!may) return tell(r.origin, answer_of(answer::kind::not_primary), out);
        // What is prepared here may be acknowledged already.
        if (log_.prepared_change(r.request.key)) {
            if (!r.prepared_until) r.prepared_until = at.now + config_.prepared_wait;
            if (at.now >= *r.prepared_until)
                return tell(r.origin, answer_of(answer::kind::not_primary), out);
            held_reads_.push_back(std::move(r));
            return;
        }
        r.epoch = epoch_;
    }
    const std::uint64_t ticket = next_ticket_++;
    out.look_ups.push_back({ticket, r.request.key});
    reading_.emplace(ticket, std::move(r));
}

void shard::looked_up(const instant& at, std::uint64_t ticket, std::optional<value> found,
                      outputs& out) {
    auto taken = reading_.extract(ticket);
    if (taken.empty()) return;
    pending_read& r = taken.mapped();
    answer a = answer_of(answer::kind::found);
    a.by_primary = term_.has_value();
    if (term_) {
        // It was the primary all along if it is now, in the same term: nobody else wrote since the value was read.
        const bool may = r.epoch == term_->first_epoch && may_tell(at.now);
        if (!may) {
            try_read(at, std::move(r), out);
            return finish(at, out);
        }
        if (found && found->expires_ms != 0 && found->expires_ms <= at.wall_ms) {
            if (rules_.log_expiry) {
                remove_expired(at, r.request.key, *found, out);
                r.after_seq = log_.last().seq;
                try_read(at, std::move(r), out);
                return finish(at, out);
            }
            found.reset();
        }
    } else {
        const auto old = age(at.now);
        const bool may =
            r.epoch == epoch_ && old && (*old <= config_.replica_age() || r.request.stale);
        if (!may) {
            try_read(at, std::move(r), out);
            return finish(at, out);
        }
        a.age = *old;
    }
    a.found = std::move(found);
    tell(r.origin, std::move(a), out);
    finish(at, out);
}

/// A key is gone when that is committed, not when a clock says so: another node's clock says something else.
void shard::remove_expired(const instant& at, const std::string& key, const value& found,
                           outputs& out) {
    const auto there = newest(key, out);
    if (!there || there->version != found.version) return;
    append(at, {{}, {}, {}, {{key, std::nullopt, 0}}, 0}, out);
}

void shard::retry_reads(const instant& at, outputs& out) {
    std::deque<pending_read> held;
    held.swap(held_reads_);
    for (pending_read& r : held) try_read(at, std::move(r), out);
}

}  // namespace kv
