// Who is in the in-sync set, and who leads it: a primary's steps from its record to the plan, one at a time.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/shard.hpp"

namespace kv {

void shard::manage(const instant& at, outputs& out) {
    if (change_) return;
    if (remove_silent(at, out)) return;
    if (!term_->is_serving) return;
    if (leave_epoch_of_erasing(at, out)) return;
    if (add_learner(at, out) || remove_surplus(at, out)) return;
    hand_over(at, out);
}

/// A lease after its last ack came its own reads have ended too.
bool shard::remove_silent(const instant& at, outputs& out) {
    for (const auto& [id, p] : term_->peers) {
        if (!record_.record.has(id) || at.now < p.heard + config_.lease) continue;
        change_record(at, intent::remove, record_.record.next(self_).without(id), out);
        return true;
    }
    return false;
}

/// First commits wait for it; when it holds all that was committed before, it joins.
bool shard::add_learner(const instant& at, outputs& out) {
    const auto is_near = [&](const peer& p) {
        // Not who is dead, whatever it granted before.
        return p.is_known && !p.filling && p.granted &&
               at.now < std::min(*p.granted, p.heard) + config_.lease;
    };
    if (term_->joining && std::find(plan_.begin(), plan_.end(), *term_->joining) == plan_.end())
        term_->joining.reset();
    for (const store_id& s : plan_) {
        if (s == self_ || record_.record.has(s)) continue;
        const auto found = term_->peers.find(s);
        if (found == term_->peers.end()) continue;
        const peer& p = found->second;
        const bool is_joining = term_->joining == s;
        if (!may_bring_up(s)) continue;
        if (!rules_.join_when_complete && p.granted) {
            change_record(at, intent::add, record_.record.next(self_).with(s), out);
            return true;
        }
        if (is_joining && !is_near(p)) {
            term_->joining.reset();
        } else if (is_joining && p.acked >= commit_) {
            change_record(at, intent::add, record_.record.next(self_).with(s), out);
            return true;
        } else if (!term_->joining && is_near(p) && p.acked + config_.join_gap >= log_.last().seq) {
            term_->joining = s;
            return add_learner(at, out);
        }
    }
    return false;
}

/// Takes no more writes, lets what is under way end, and only then lets the other lead: it need not wait for this one.
bool shard::hand_over(const instant& at, outputs& out) {
    const auto may_lead = [&](const store_id& s) {
        const auto p = term_->peers.find(s);
        return p != term_->peers.end() && record_.record.has(s) && p->second.granted &&
               at.now < *p->second.granted + config_.lease && p->second.acked >= commit_;
    };
    if (plan_.empty() || plan_.front() == self_ || !may_lead(plan_.front()) || !may_read(at.now)) {
        term_->moving_to.reset();
        return false;
    }
    term_->moving_to = plan_.front();
    if (commit_ < log_.last().seq || !reading_.empty()) return false;
    change_record(at, intent::hand_over, record_.record.next(plan_.front()), out);
    return true;
}

/// Never before those of the plan have joined. Its reads end first: it is not told any more that it is fresh.
bool shard::remove_surplus(const instant& at, outputs& out) {
    for (const store_id& s : plan_)
        if (!record_.record.has(s)) return false;
    if (plan_.empty()) return false;
    for (auto& [id, p] : term_->peers) {
        if (!record_.record.has(id) || std::find(plan_.begin(), plan_.end(), id) != plan_.end()) {
            p.retired.reset();
            continue;
        }
        if (!p.retired) p.retired = at.now;
        if (at.now < *p.retired + config_.lease) continue;
        change_record(at, intent::remove, record_.record.next(self_).without(id), out);
        return true;
    }
    return false;
}

}  // namespace kv
