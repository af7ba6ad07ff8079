// What the coordinator says, and what is asked of it.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

void shard::ask_record(const instant& at, outputs& out) {
    if (record_asked_ != time{} && at.now < record_asked_ + config_.beacon) return;
    record_asked_ = at.now;
    out.read_record = true;
}

void shard::record_changed(const instant& at, const known_record& known, outputs& out) {
    // Only a linearizable read may begin a life: a watch may tell what was long ago.
    if (role_ == role::starting) return;
    learn(at, known, out);
    finish(at, out);
}

void shard::record_read(const instant& at, const known_record& known, outputs& out) {
    const bool is_same = known.rev == record_.rev;
    learn(at, known, out);
    if (record_.record.epoch >= epoch_) wants_record_ = false;
    if (is_same && change_ && change_->is_unknown && change_->expected_rev == known.rev) {
        // It may arrive yet, whatever this says. So the same is asked for again, until the rev has moved. A take-over
        // can be left alone: who became primary by one that came late sits out what it promised meanwhile.
        if (change_->why == intent::take_over && heard_ > change_->sent) {
            change_.reset();
        } else {
            change_->is_unknown = false;
            change_->sent = at.now;
            out.record_changes.push_back({change_->target, change_->expected_rev});
        }
    }
    finish(at, out);
}

/// When this store may commit as primary, with the record that it has; nothing: at once.
///
/// A primary reads while this store's promise holds. It has stopped if its process is dead, or if it has handed over:
/// only then is it still in the set.
std::optional<std::chrono::nanoseconds> shard::open_time(const instant& at) const {
    if (!rules_.wait_for_own_promise) return std::nullopt;
    if (record_.record.epoch == 1) return std::nullopt;  // nobody was primary before
    if (!promised_to_.is_none() && record_.record.has(promised_to_)) return std::nullopt;
    const time ends = promised_ + config_.grace;
    if (ends <= at.now) return std::nullopt;
    return ends;
}

void shard::learn(const instant& at, const known_record& known, outputs& out) {
    if (known.rev <= record_.rev) return;
    const bool is_first = role_ == role::starting;
    record_ = known;
    const shard_record& r = record_.record;

    std::optional<pending_change> settled;
    if (change_ && known.rev > change_->expected_rev)
        settled = std::exchange(change_, std::nullopt);
    const bool is_own = settled && settled->target == r;
    if (!rules_.raise_epoch && term_ && is_own) return;

    if (r.epoch < epoch_) {
        // A message told of a later one.
        wants_record_ = true;
        return;
    }
    if (!(r.primary == self_)) {
        if (term_) end_term(out);
        follow(at, r.epoch, r.primary, r.has(self_));
        return;
    }
    hold(r.has(self_), "a primary outside its own set");
    if (is_first) {
        role_ = role::replica;
        epoch_ = r.epoch;
        is_member_ = true;
        // The record under which it acted last: nobody else was primary since, so nobody was promised anything.
        is_exempt_ = acted_ == r || !open_time(at);
        if (rules_.new_epoch_at_start)
            return change_record(at, intent::new_epoch, r.next(self_), out);
        return begin_term(at, is_exempt_ ? at.now : promised_ + config_.grace, out);
    }
    if (term_ && is_own) return go_on(at, out);
    // An operator's, who gave others up: what it believed of them is over.
    if (term_) end_term(out);
    const bool at_once = is_own && settled->why == intent::new_epoch && is_exempt_;
    begin_term(at, at_once ? at.now : open_time(at).value_or(at.now), out);
}

/// Only one at a time, so that who writes a record knows what it follows.
void shard::change_record(const instant& at, intent why, shard_record target, outputs& out) {
    if (!rules_.raise_epoch) target.epoch = record_.record.epoch;
    change_ = pending_change{why, std::move(target), record_.rev, at.now, false};
    out.record_changes.push_back({change_->target, change_->expected_rev});
}

/// A change without an answer is unknown: the record is read before anything is made of it.
void shard::chase_change(const instant& at, outputs& out) {
    if (!change_ || at.now < change_->sent + config_.coordinator_patience) return;
    change_->is_unknown = true;
    ask_record(at, out);
}

/// When a replica that hears of no primary looks whether it has become a member, or the primary, without hearing of it.
std::chrono::nanoseconds shard::silent_at() const {
    if (role_ != role::replica) return time::max();
    return std::max(heard_, record_asked_) + config_.grace;
}

std::optional<std::chrono::nanoseconds> shard::take_over_at() const {
    if (role_ != role::replica || change_ || record_.rev == 0) return std::nullopt;
    const shard_record& r = record_.record;
    if (r.epoch != epoch_ || r.primary == self_) return std::nullopt;
    if (!r.has(self_) && rules_.only_members_lead) return std::nullopt;
    // The one first in the plan goes at once. Who is not in the plan comes after those who are.
    std::uint64_t before = 0;
    const auto place = [&](const store_id& s) { return std::find(plan_.begin(), plan_.end(), s); };
    for (const store_id& s : r.isr) {
        if (s == self_ || s == r.primary) continue;
        if (place(s) < place(self_) || (place(s) == place(self_) && s < self_)) ++before;
    }
    const time delay = config_.stagger * before;
    return heard_ + delay + (is_leader_dead_ ? time{} : config_.grace);
}

void shard::consider_taking_over(const instant& at, outputs& out) {
    const auto due = take_over_at();
    if (!due || at.now < *due) return;
    const shard_record& r = record_.record;
    shard_record target = r.next(self_).without(r.primary);
    if (!rules_.only_members_lead) target = target.with(self_);
    change_record(at, intent::take_over, std::move(target), out);
}

}  // namespace kv
