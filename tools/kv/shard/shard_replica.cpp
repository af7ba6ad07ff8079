// A replica: it follows a primary's log, and tells it what is on disk.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

/// Whether `from` leads in an epoch that is not over. A later one is news: only its primary sends in it.
bool shard::accept_leader(const instant& at, store_id from, std::uint64_t epoch, outputs& out) {
    if (epoch > epoch_) {
        if (term_) end_term(out);
        follow(at, epoch, from, false);
        wants_record_ = true;
        ask_record(at, out);
    }
    if (epoch < epoch_) return !rules_.drop_older_epochs && role_ == role::replica;
    if (leader_.is_none()) leader_ = from;
    // A new epoch of its own is on its way: it does not listen to what it was.
    if (role_ == role::replica && record_.record.primary == self_ && record_.record.epoch == epoch)
        return false;
    hold(leader_ == from, "two primaries in one epoch");
    return role_ == role::replica;
}

void shard::take(const instant& at, store_id from, prepare&& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    const bool is_known = m.before.seq < log_.base().seq ||
                          (m.before.seq <= log_.last().seq && log_.point(m.before.seq) == m.before);
    if (!is_known) return send(from, own_ends(m.epoch), out);
    std::uint64_t last = m.before.seq;
    for (entry& e : m.entries) {
        last = e.at.seq;
        if (e.at.seq <= log_.base().seq) continue;
        if (log_.contains(e.at.seq)) {
            if (log_.point(e.at.seq) == e.at) continue;
            hold(e.at.seq > log_.applied_seq(), "an entry in the place of one that is applied");
            log_.cut(e.at.seq);
            out.storage.emplace_back(cut_log{e.at.seq});
            durable_ = std::min(durable_, e.at.seq - 1);
            matched_ = std::min(matched_, e.at.seq - 1);
            for (auto& [ticket, seq] : unsynced_) seq = std::min(seq, e.at.seq - 1);
        }
        out.storage.emplace_back(append_log{e});
        log_.append(std::move(e));
    }
    matched_ = std::max(matched_, last);
    commit_ = std::max(commit_, m.commit_seq);
    if (out.storage.empty()) send_ack(out);
    apply_known(out);
}

void shard::take(const instant& at, store_id from, const query& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    send(from, own_ends(m.epoch), out);
}

log_ends shard::own_ends(std::uint64_t epoch) const {
    log_ends ends = log_.ends(epoch);
    ends.reflects = reflects_;
    if (filling_ && !filling_->last_key.empty())
        ends.part = part_snapshot{filling_->at, filling_->reflects, filling_->last_key};
    return ends;
}

void shard::take(const instant& at, store_id from, const beacon& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    heard_ = at.now;
    is_leader_dead_ = false;
    if (m.epoch == epoch_) is_member_ = m.is_member;
    if (!is_member_) fresh_as_of_.reset();
    // Its own clock, and of this life: after the machine was started again the clock may show the same once more.
    if (m.is_serving && is_member_ && m.echo_life == life_)
        fresh_as_of_ = std::max(fresh_as_of_.value_or(m.echo), m.echo);
    commit_ = std::max(commit_, m.commit_seq);
    apply_known(out);
    // About to take its place, it promises nothing.
    if (change_ && change_->why == intent::take_over && !change_->is_unknown) return;
    promised_to_ = from;
    promised_ = at.now;
    send(from, beacon_ack{m.epoch, m.number, life_, at.now}, out);
}

void shard::take(const instant& at, store_id from, snapshot_piece&& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    const auto want = [&](std::uint64_t index) { return snapshot_ack{m.epoch, m.transfer, index}; };
    // A log that has this point does without, and may have acked more: that must not be replaced. Nor may what an
    // earlier transfer was about.
    const bool has_it = m.transfer <= saved_.installed ||
                        (!m.is_refill && (m.at.seq <= log_.applied_seq() || log_.has(m.at)));
    if (has_it) {
        if (durable_ >= m.at.seq) send(from, want(m.index + 1), out);
        return;
    }
    hold(!is_member_, "a member that is filled anew");
    if (filling_ && m.transfer < filling_->transfer) return;
    if (!filling_ || m.transfer > filling_->transfer) {
        if (m.index > 0) return send(from, want(0), out);
        if (m.after) {
            const bool goes_on = filling_ && filling_->at == m.at && filling_->last_key == *m.after;
            if (!goes_on) return send(from, own_ends(m.epoch), out);
            filling_->transfer = m.transfer;
            filling_->next_index = 0;
        } else {
            filling_ = filling{m.transfer, 0, m.transfer, m.at, m.at, {}, m.requests};
        }
    }
    if (m.index == filling_->next_index) stage(m, out);
    if (!m.is_last || m.index + 1 != filling_->next_index)
        return send(from, want(filling_->next_index), out);
    install(m, out);
    installed_.emplace(0, want(m.index + 1));
}

/// Takes the items out of it.
void shard::stage(snapshot_piece& m, outputs& out) {
    const bool is_first = m.index == 0 && !m.after;
    if (!m.items.empty()) filling_->last_key = m.items.back().first;
    filling_->reflects = std::max(filling_->reflects, m.reflects);
    ++filling_->next_index;
    out.storage.emplace_back(stage_items{filling_->staging, is_first, std::move(m.items)});
    has_staged_ = true;
}

void shard::install(const snapshot_piece& m, outputs& out) {
    out.storage.emplace_back(install_staged{filling_->staging, m.at});
    log_ = shard_log(m.at, m.at.seq, {});
    requests_ = std::move(filling_->requests);
    reflects_ = filling_->reflects == m.at ? log_point{} : filling_->reflects;
    saved_.installed = m.transfer;
    save_checkpoint(out);
    matched_ = commit_ = m.at.seq;
    durable_ = 0;
    for (auto& [ticket, seq] : unsynced_) seq = 0;
    filling_.reset();
    has_staged_ = false;
}

void shard::apply_known(outputs& out) {
    apply_to(rules_.apply_committed_only ? std::min(commit_, matched_) : matched_, out);
}

void shard::send_ack(outputs& out, bool wants_commit) {
    send(leader_, ack{epoch_, std::min(durable_, matched_), wants_commit}, out);
}

}  // namespace kv
