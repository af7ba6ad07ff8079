#include "tools/kv/shard/shard.hpp"

#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"

namespace kv {

shard::shard(const config& c, store_id self, std::uint64_t life, stored_shard from,
             const table& data, const rules& r)
    : config_(c),
      rules_(r),
      self_(self),
      life_(life),
      data_(data),
      log_(from.base, from.applied_seq, from.entries, from.saved.log),
      requests_(std::exchange(from.saved.requests, {})),
      acted_(std::move(from.acted)),
      saved_(std::move(from.saved)),
      reflects_(saved_.reflects),
      durable_(log_.last().seq),
      commit_(log_.applied_seq()),
      has_staged_(from.has_staged) {
    for (const entry& e : from.entries)
        if (rules_.replay_requests && e.at.seq <= log_.applied_seq()) requests_.apply(e);
    if (log_.applied_seq() >= reflects_.seq && !is_ahead()) reflects_ = {};
    log_.trim(config_.window_entries, config_.window_bytes);
}

void shard::start(const instant& at, outputs& out) {
    // What it granted before it was started it does not know.
    heard_ = promised_ = at.now;
    wants_record_ = true;
    ask_record(at, out);
}

void shard::receive(const instant& at, store_id from, message m, outputs& out) {
    if (role_ == role::starting) return;
    if (rules_.drop_older_epochs && epoch_of(m) < epoch_) {
        // Who is told this asks the coordinator; an answer to an answer would never end.
        if (std::holds_alternative<prepare>(m) || std::holds_alternative<beacon>(m) ||
            std::holds_alternative<query>(m) || std::holds_alternative<snapshot_piece>(m) ||
            std::holds_alternative<erase_wish>(m))
            send(from, stale{epoch_}, out);
        return;
    }
    std::visit([&]<class Kind>(Kind&& x) { take(at, from, std::forward<Kind>(x), out); },
               std::move(m));
    finish(at, out);
}

void shard::take(const instant& at, store_id /*from*/, const stale& m, outputs& out) {
    if (m.epoch <= epoch_) return;
    // Until the record is read nothing changes: what this primary may do depends on the others' acks, not on
    // what it believes.
    wants_record_ = true;
    ask_record(at, out);
}

void shard::synced(const instant& at, std::uint64_t ticket, outputs& out) {
    while (!unsynced_.empty() && unsynced_.front().first <= ticket) {
        durable_ = std::max(durable_, unsynced_.front().second);
        unsynced_.pop_front();
    }
    if (role_ == role::replica) {
        if (installed_ && installed_->first <= ticket) {
            send(leader_, installed_->second, out);
            installed_.reset();
        }
        send_ack(out);
    }
    finish(at, out);
}

void shard::plan_changed(const instant& at, std::vector<store_id> plan, outputs& out) {
    plan_ = std::move(plan);
    if (term_) set_peers(at);
    finish(at, out);
}

void shard::died(const instant& at, store_id store, outputs& out) {
    if (promised_to_ == store) promised_ = at.now - config_.grace;
    if (role_ == role::replica && leader_ == store && !is_leader_dead_) {
        is_leader_dead_ = true;
        heard_ = at.now;
    }
    if (role_ == role::replica) consider_taking_over(at, out);
    if (term_ && term_->peers.contains(store)) {
        // It answers no reads any more, and its next life none before it has heard this primary. One that was not heard
        // in this term may be about to start.
        peer& p = term_->peers[store];
        if (p.granted) p.heard = std::min(p.heard, at.now - config_.lease);
    }
    finish(at, out);
}

void shard::tick(const instant& at, outputs& out) {
    if (wants_record_ || at.now >= silent_at()) ask_record(at, out);
    chase_change(at, out);
    if (role_ == role::replica) consider_taking_over(at, out);
    consider_erasing(at, out);
    expire_requests(at, out);
    if (term_ && at.now >= term_->beacon_at) send_beacons(at, out);
    finish(at, out);
}

std::chrono::nanoseconds shard::next_wake() const {
    time next = time::max();
    const auto earlier = [&](time t) { next = std::min(next, t); };
    if (wants_record_) earlier(record_asked_ + config_.beacon);
    if (change_)
        earlier(
            std::max(change_->sent + config_.coordinator_patience, record_asked_ + config_.beacon));
    earlier(silent_at());
    if (const auto t = take_over_at()) earlier(*t);
    if (const auto t = erase_at()) earlier(*t);
    earlier(due_at_);
    if (term_) {
        earlier(term_->beacon_at);
        if (!term_->is_open) earlier(term_->open_at);
    }
    return next;
}

/// What follows from any event: what was held goes on, a primary looks after its set, and the batch gets its ticket.
void shard::finish(const instant& at, outputs& out) {
    if (term_) {
        advance(at, out);
        manage_moves(at, out);
        manage(at, out);
    }
    if (term_) {
        place_held(at, out);
        for (auto& [id, p] : term_->peers) pump(at, id, p, out);
        advance(at, out);
    }
    note_unwanted(at);
    retry_reads(at, out);
    if (out.storage.empty()) return;
    if (out.sync == 0) out.sync = next_ticket_++;
    if (term_ && std::exchange(term_->is_saving, false)) term_->saved_by = out.sync;
    if (unsynced_.empty() || unsynced_.back().first != out.sync)
        unsynced_.emplace_back(out.sync, log_.last().seq);
    else
        unsynced_.back().second = log_.last().seq;
    if (installed_ && installed_->first == 0) installed_->first = out.sync;
}

void shard::send(store_id to, message m, outputs& out) {
    if (!to.is_none()) out.messages.push_back({to, std::move(m)});
}

std::size_t shard::waiting() const {
    return committing_.size() + held_.size() + reading_.size() + held_reads_.size() +
           late_reads_.size();
}

}  // namespace kv
