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
    r.wall_ms = at.wall_ms;
    r.request = std::move(request);
    try_read(at, std::move(r), out);
    // Else nothing has changed that anything could follow from.
    if (!out.storage.empty()) finish(at, out);
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
        if (!may_tell(at.now) || term_->moving_to || log_.applied_seq() < r.after_seq)
            return hold_read(std::move(r));
        r.epoch = term_->first_epoch;
    } else {
        const auto old = age(at.now);
        const bool may = !r.request.primary_only && !r.request.scan && old &&
                         (*old <= config_.replica_age() || r.request.stale);
        if (!may) return tell(r.origin, answer_of(answer::kind::not_primary), out);
        r.after_seq = 0;
        // What is prepared here may be acknowledged already.
        if (const auto seq = log_.prepared_change(r.request.key)) {
            if (!r.prepared_until) {
                r.prepared_until = at.now + config_.prepared_wait;
                send_ack(out, true);
            }
            if (at.now >= *r.prepared_until)
                return tell(r.origin, answer_of(answer::kind::not_primary), out);
            r.after_seq = *seq;
            return hold_read(std::move(r));
        }
        r.epoch = epoch_;
    }
    // The table shows what earlier calls applied, and this one has applied nothing yet.
    if (!r.request.scan && out.storage.empty()) {
        auto found = data_.get(r.request.key);
        return answer_read(at, std::move(r), std::move(found), out);
    }
    note_due(r.deadline);
    const std::uint64_t ticket = next_ticket_++;
    out.look_ups.push_back({ticket, r.request.key, r.request.scan, r.wall_ms});
    reading_.emplace(ticket, std::move(r));
}

void shard::hold_read(pending_read r) {
    note_due(std::min(r.deadline, r.prepared_until.value_or(time::max())));
    if (r.after_seq > log_.applied_seq())
        late_reads_.emplace(r.after_seq, std::move(r));
    else
        held_reads_.push_back(std::move(r));
}

void shard::looked_up(const instant& at, std::uint64_t ticket, std::optional<value> found,
                      outputs& out) {
    auto taken = reading_.extract(ticket);
    if (taken.empty()) return;
    answer_read(at, std::move(taken.mapped()), std::move(found), out);
    finish(at, out);
}

void shard::scanned(const instant& at, std::uint64_t ticket, scan_page page, outputs& out) {
    auto taken = reading_.extract(ticket);
    if (taken.empty()) return;
    answer_scan(at, std::move(taken.mapped()), std::move(page), out);
    finish(at, out);
}

void shard::answer_read(const instant& at, pending_read r, std::optional<value> found,
                        outputs& out) {
    answer a = answer_of(answer::kind::found);
    a.by_primary = term_.has_value();
    if (term_) {
        // It was the primary all along if it is now, in the same term: nobody else wrote since the value was read.
        const bool may = r.epoch == term_->first_epoch && may_tell(at.now);
        if (!may) return try_read(at, std::move(r), out);
        if (found && found->expires_ms != 0 && found->expires_ms <= at.wall_ms) {
            if (rules_.log_expiry) {
                remove_expired(at, {{r.request.key, found->version}}, at.wall_ms, out);
                r.after_seq = log_.last().seq;
                return try_read(at, std::move(r), out);
            }
            found.reset();
        }
    } else {
        const auto old = age(at.now);
        const bool may =
            r.epoch == epoch_ && old && (*old <= config_.replica_age() || r.request.stale);
        if (!may) return try_read(at, std::move(r), out);
        a.age = *old;
    }
    a.found = std::move(found);
    if (a.found && r.request.without_bytes) a.found->bytes.clear();
    tell(r.origin, std::move(a), out);
}

/// What it met that has expired is removed first, and then it looks again: all that it tells was so at one moment. By
/// the clock as it came, so that this ends.
void shard::answer_scan(const instant& at, pending_read r, scan_page page, outputs& out) {
    const bool may = term_ && r.epoch == term_->first_epoch && may_tell(at.now);
    if (!may) return try_read(at, std::move(r), out);
    if (!page.expired.empty() && rules_.log_scan_expiry) {
        remove_expired(at, page.expired, r.wall_ms, out);
        r.after_seq = log_.last().seq;
        return try_read(at, std::move(r), out);
    }
    page.expired.clear();
    answer a = answer_of(answer::kind::found);
    a.by_primary = true;
    a.page = std::move(page);
    tell(r.origin, std::move(a), out);
}

void shard::expire(const instant& at, const std::vector<expired_key>& due, outputs& out) {
    const bool may = term_ && may_read(at.now) && !term_->moving_to &&
                     log_.prepared_bytes() < config_.waiting_bytes_max;
    if (may) remove_expired(at, due, at.wall_ms, out);
    finish(at, out);
}

/// A key is gone when that is committed, not when a clock says so: another node's clock says something else.
void shard::remove_expired(const instant& at, const std::vector<expired_key>& due,
                           std::int64_t wall_ms, outputs& out) {
    entry e;
    for (const expired_key& one : due) {
        if (e.changes.size() >= config_.expire_max) break;
        const auto there = newest(one.key, out);
        const bool is_due = there && there->version == one.version && there->expires_ms != 0 &&
                            there->expires_ms <= wall_ms;
        if (is_due) e.changes.push_back({one.key, std::nullopt, 0});
    }
    if (!e.changes.empty()) append(at, std::move(e), out);
}

/// Held reads are looked at again when what they wait for may have come.
void shard::retry_reads(const instant& at, outputs& out) {
    std::deque<pending_read> again;
    const std::pair as{role_, epoch_};
    const bool is_other = std::exchange(reads_as_, as) != as;
    if (!held_reads_.empty() && (is_other || (term_ && !term_->moving_to && may_tell(at.now))))
        again.swap(held_reads_);
    while (!late_reads_.empty() && (is_other || late_reads_.begin()->first <= log_.applied_seq()))
        again.push_back(std::move(late_reads_.extract(late_reads_.begin()).mapped()));
    for (pending_read& r : again) {
        if (is_other) r.after_seq = 0;  // of another log
        try_read(at, std::move(r), out);
    }
}

void shard::expire_reads(const instant& at, outputs& out) {
    std::deque<pending_read> all;
    all.swap(held_reads_);
    while (!late_reads_.empty())
        all.push_back(std::move(late_reads_.extract(late_reads_.begin()).mapped()));
    for (pending_read& r : all) {
        if (at.now >= r.deadline || (r.prepared_until && at.now >= *r.prepared_until))
            try_read(at, std::move(r), out);
        else
            hold_read(std::move(r));
    }
}

}  // namespace kv
