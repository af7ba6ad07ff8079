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

void shard::take(const instant& at, store_id from, const prepare& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    const bool is_known = m.before.seq < log_.base().seq ||
                          (m.before.seq <= log_.last().seq && log_.point(m.before.seq) == m.before);
    if (!is_known) return send(from, log_.ends(m.epoch), out);
    std::uint64_t last = m.before.seq;
    for (const entry& e : m.entries) {
        last = e.at.seq;
        if (e.at.seq <= log_.base().seq) continue;
        if (log_.contains(e.at.seq)) {
            if (log_.at(e.at.seq).at == e.at) continue;
            hold(e.at.seq > log_.applied_seq(), "an entry in the place of one that is applied");
            log_.cut(e.at.seq);
            out.storage.emplace_back(cut_log{e.at.seq});
            durable_ = std::min(durable_, e.at.seq - 1);
            matched_ = std::min(matched_, e.at.seq - 1);
            for (auto& [ticket, seq] : unsynced_) seq = std::min(seq, e.at.seq - 1);
        }
        out.storage.emplace_back(append_log{e});
        log_.append(e);
    }
    matched_ = std::max(matched_, last);
    commit_ = std::max(commit_, m.commit_seq);
    if (out.storage.empty()) send_ack(out);
    apply_known(out);
}

void shard::take(const instant& at, store_id from, const query& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    send(from, log_.ends(m.epoch), out);
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

void shard::take(const instant& at, store_id from, const snapshot_piece& m, outputs& out) {
    if (!accept_leader(at, from, m.epoch, out)) return;
    const auto want = [&](std::uint64_t index) { return snapshot_ack{m.epoch, m.transfer, index}; };
    // A log that has this point does without, and may have acked more: that must not be replaced.
    const bool has_it =
        m.at.seq <= log_.applied_seq() || (log_.contains(m.at.seq) && log_.point(m.at.seq) == m.at);
    if (has_it) {
        if (durable_ >= m.at.seq) send(from, want(m.index + 1), out);
        return;
    }
    hold(!is_member_, "a member that is filled anew");
    const bool is_this = filling_ && filling_->first == m.transfer;
    if (!is_this && m.index > 0) return send(from, want(0), out);
    if (is_this && m.index < filling_->second) return send(from, want(filling_->second), out);
    if (is_this && m.index > filling_->second) return;
    if (!is_this) filling_.emplace(m.transfer, 0);
    out.storage.emplace_back(stage_items{m.transfer, m.index == 0, m.items});
    ++filling_->second;
    if (!m.is_last) return send(from, want(filling_->second), out);
    out.storage.emplace_back(install_staged{m.transfer, m.at, m.requests});
    log_ = shard_log(m.at, m.at.seq, {});
    requests_ = m.requests;
    matched_ = m.at.seq;
    commit_ = std::max(commit_, matched_);
    durable_ = 0;
    for (auto& [ticket, seq] : unsynced_) seq = 0;
    installed_.emplace(0, want(filling_->second));
    filling_.reset();
}

void shard::apply_known(outputs& out) {
    apply_to(rules_.apply_committed_only ? std::min(commit_, matched_) : matched_, out);
}

void shard::send_ack(outputs& out) {
    send(leader_, ack{epoch_, std::min(durable_, matched_)}, out);
}

}  // namespace kv
