// Being primary: the term's begin, its log, what is committed, and who may read.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

void shard::begin_term(const instant& at, time open_at, outputs& out) {
    hold(record_.record.primary == self_ && record_.record.has(self_), "a term without its record");
    role_ = role::primary;
    leader_ = self_;
    epoch_ = record_.record.epoch;
    is_member_ = true;
    commit_ = log_.applied_seq();
    filling_.reset();
    installed_.reset();
    term_.emplace(term());
    term_->first_epoch = epoch_;
    term_->first_seq = log_.last().seq + 1;
    term_->began = at.now;
    term_->open_at = open_at;
    term_->beacon_at = at.now;
    term_->age_base_ms = requests_.age_ms();
    if (log_.last().seq > log_.applied_seq())
        term_->age_base_ms = std::max(term_->age_base_ms, log_.at(log_.last().seq).age_ms);
    term_->is_ahead = is_ahead();
    set_peers(at);
    // An entry of this epoch: where a replica's log differs it is cut by what follows, and when this one is committed
    // the whole log is.
    append(at, {}, out);
    send_beacons(at, out);
}

/// The next epoch of the same term: this store made it, and goes on.
void shard::go_on(const instant& at, outputs& out) {
    epoch_ = record_.record.epoch;
    if (term_->is_open) save_acted(out);
    term_->joining.reset();
    term_->moving_to.reset();
    term_->erasing.clear();
    set_peers(at);
    // What was sent in the last epoch is not heard any more.
    for (auto& [id, p] : term_->peers) {
        p.retired.reset();
        p.beacons.clear();
        if (p.filling) p.filling->resend_at = at.now;
        if (p.is_known) p.rewind();
    }
    send_beacons(at, out);
}

void shard::end_term(outputs& out) {
    for (const waiter& w : committing_) tell(w.origin, answer_of(answer::kind::unknown), out);
    for (const held_write& w : held_) tell(w.origin, answer_of(answer::kind::not_primary), out);
    committing_.clear();
    held_.clear();
    held_bytes_ = 0;
    give_permit_back(out);
    term_.reset();
    role_ = role::replica;
    matched_ = 0;
    fresh_as_of_.reset();
}

void shard::save_acted(outputs& out) {
    acted_ = record_.record;
    out.storage.emplace_back(save_record{acted_});
    term_->is_saving = true;
}

void shard::follow(const instant& at, std::uint64_t epoch, store_id leader, bool is_member) {
    const bool is_news = role_ != role::replica || epoch != epoch_ || !(leader == leader_);
    const bool is_new_leader = !(leader == leader_);
    role_ = role::replica;
    epoch_ = epoch;
    leader_ = leader;
    is_member_ = is_member;
    if (!is_member) fresh_as_of_.reset();
    if (!is_news) return;
    matched_ = 0;
    commit_ = log_.applied_seq();
    installed_.reset();
    if (!is_new_leader) return;
    is_leader_dead_ = false;
    heard_ = at.now;
}

void shard::set_peers(const instant& at) {
    auto& peers = term_->peers;
    const auto& isr = record_.record.isr;
    const auto wanted = [&](const store_id& s) {
        return record_.record.has(s) || is_waited_for(s) ||
               std::find(plan_.begin(), plan_.end(), s) != plan_.end();
    };
    std::erase_if(peers, [&](const auto& p) { return !wanted(p.first); });
    const auto add = [&](const store_id& s) {
        if (!(s == self_) && peers.try_emplace(s).second) peers[s].heard = at.now;
    };
    for (const store_id& s : isr) add(s);
    for (auto& [id, p] : peers) p.was_member = p.was_member || record_.record.has(id);
    for (const store_id& s : plan_)
        if (!term_->erasing.contains(s)) add(s);
}

void shard::append(const instant& at, entry e, outputs& out) {
    e.at = {epoch_, log_.last().seq + 1};
    e.age_ms =
        term_->age_base_ms + std::uint64_t((at.now - term_->began) / std::chrono::milliseconds(1));
    out.storage.emplace_back(append_log{e});
    log_.append(std::move(e));
}

void shard::send_beacons(const instant& at, outputs& out) {
    term_->beacon_at = config_.beacons_together ? (at.now / config_.beacon + 1) * config_.beacon
                                                : at.now + config_.beacon;
    const bool is_serving = may_read(at.now) || !rules_.serving_beacons_only;
    for (auto& [id, p] : term_->peers) {
        beacon b;
        b.epoch = epoch_;
        b.number = ++term_->beacon_number;
        b.echo_life = p.echo_life;
        b.echo = p.echo;
        b.commit_seq = commit_;
        b.is_member = record_.record.has(id);
        // Who may be removed by now is not told that it is fresh, even if it is back.
        const bool is_leaving =
            p.retired || (rules_.leaving_not_fresh && change_ && !change_->target.has(id));
        b.is_serving = is_serving && !is_leaving;
        p.beacons.emplace_back(b.number, at.now);
        if (p.beacons.size() > 16) p.beacons.pop_front();
        send(id, b, out);
        if (!p.is_known && may_bring_up(id)) send(id, query{epoch_}, out);
    }
}

void shard::take(const instant& at, store_id from, const beacon_ack& m, outputs& /*out*/) {
    if (!term_ || m.epoch != epoch_) return;
    const auto found = term_->peers.find(from);
    if (found == term_->peers.end()) return;
    peer& p = found->second;
    for (const auto& [number, sent] : p.beacons) {
        if (number != m.number) continue;
        p.heard = at.now;
        if (!p.granted || *p.granted < sent) p.granted = sent;
    }
    if (m.life != p.echo_life || m.time > p.echo) p.echo = m.time;
    p.echo_life = m.life;
}

bool shard::may_read(time now) const {
    if (!term_ || !term_->is_serving || (change_ && change_->why == intent::hand_over))
        return false;
    return std::all_of(term_->peers.begin(), term_->peers.end(), [&](const auto& one) {
        const auto& [id, p] = one;
        const bool counts = record_.record.has(id) ||
                            (rules_.lease_of_joining && change_ && change_->target.has(id));
        return !counts || (p.granted && now < *p.granted + config_.lease);
    });
}

/// Commits wait for the set, and for one who is about to join it from before it is asked for.
bool shard::is_waited_for(const store_id& s) const {
    return record_.record.has(s) || (term_ && term_->joining == s) ||
           (change_ && change_->target.has(s));
}

void shard::take(const instant& at, store_id from, const ack& m, outputs& out) {
    if (!term_ || m.epoch != epoch_) return;
    const auto found = term_->peers.find(from);
    if (found == term_->peers.end() || !found->second.is_known) return;
    peer& p = found->second;
    hold(m.durable_seq <= log_.last().seq, "an ack of what was not sent");
    if (m.wants_commit) {
        // What it waits for may have yet to be committed.
        p.wants_commit = log_.last().seq;
        if (p.told < commit_) tell_commit(from, p, out);
    }
    if (m.durable_seq <= p.acked) return;
    p.note_acked(m.durable_seq);
    note_move(at);
    p.resend_at = at.now + config_.resend;
}

void shard::advance(const instant& at, outputs& out) {
    if (!term_->is_open) {
        if (at.now < term_->open_at) return;
        term_->is_open = true;
        // From here on nobody else's promise is open: what is saved says so to the next life.
        save_acted(out);
    }
    std::uint64_t least = durable_;
    for (const auto& [id, p] : term_->peers)
        if (is_waited_for(id)) least = std::min(least, p.acked);
    for (const store_id& s : record_.record.isr)
        hold(s == self_ || term_->peers.contains(s), "a member that nobody waits for");
    if (least > commit_) {
        commit_ = least;
        for (auto& [id, p] : term_->peers)
            if (p.wants_commit > p.told) tell_commit(id, p, out);
    }
    apply_to(commit_, out);
    if (term_->is_serving || commit_ < term_->first_seq) return;
    term_->is_serving = true;
    if (term_->is_ahead) {
        // Nobody's log leads to this state but one that begins with it.
        reflects_ = {};
        save_checkpoint(out);
        log_.drop_to(log_.applied_seq());
        out.storage.emplace_back(drop_log{log_.base()});
        term_->is_ahead = false;
    }
    send_beacons(at, out);
}

void shard::apply_to(std::uint64_t seq, outputs& out) {
    if (log_.applied_seq() >= std::min(seq, log_.last().seq)) return;
    while (log_.applied_seq() < std::min(seq, log_.last().seq)) {
        const entry& e = log_.at(log_.applied_seq() + 1);
        log_.mark_applied();
        requests_.apply(e);
        out.storage.emplace_back(apply_entry{e});
        for (; !committing_.empty() && committing_.front().seq <= e.at.seq;
             committing_.pop_front()) {
            tell(committing_.front().origin, told_of(e.result), out);
        }
    }
    if (reflects_.seq != 0 && log_.applied_seq() >= reflects_.seq && !is_ahead()) reflects_ = {};
    tidy_log(out);
}

/// Whether the state has more than what the log leads to. Only an operator makes such a store a primary (succession.cpp does not).
bool shard::is_ahead() const {
    return reflects_.seq > log_.base().seq && !log_.has(reflects_);
}

/// A start replays what follows the checkpoint, so that is not longer than it need be. Learners that are being filled need
/// what follows their snapshot, as far as that may be kept at all.
void shard::tidy_log(outputs& out) {
    const std::size_t kept = config_.log_kept, kept_bytes = config_.log_kept_bytes;
    log_.measure(std::max<std::size_t>(1, kept / 8), kept_bytes / 8);
    // A large table is saved as seldom as it is large: what is saved is of the size of what came.
    const std::size_t half = requests_.outcomes() / 2;
    if (log_.applied_seq() - saved_.seq >= std::max(config_.window_entries, half) ||
        log_.applied_bytes() - saved_.log.bytes >= std::max(config_.window_bytes, 64 * half))
        save_checkpoint(out);
    log_.trim(config_.window_entries, config_.window_bytes);
    std::uint64_t to = std::min(log_.surplus(kept, kept_bytes), saved_.seq);
    if (term_)
        for (const auto& [id, p] : term_->peers)
            if (p.filling && p.filling->at.seq < to)
                to = std::min(
                    to, std::max(p.filling->at.seq, log_.surplus(10 * kept, 10 * kept_bytes)));
    if (to <= log_.base().seq) return;
    log_.drop_to(to);
    out.storage.emplace_back(drop_log{log_.base()});
}

void shard::save_checkpoint(outputs& out) {
    saved_ = {log_.applied_seq(), {}, log_.shape(), reflects_, saved_.installed};
    checkpoint now = saved_;
    now.requests = requests_;
    out.storage.emplace_back(std::move(now));
}

}  // namespace kv
