// A primary makes the others' logs its own: from the last common point on, or by a snapshot.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

void shard::take(const instant& at, store_id from, const log_ends& m, outputs& out) {
    if (!term_ || m.epoch != epoch_) return;
    const auto found = term_->peers.find(from);
    if (found == term_->peers.end() || found->second.filling) return;
    peer& p = found->second;
    // Each message that came too early asks for the same.
    if (p.is_known && at.now < p.rewound_at + config_.resend / 8) return;
    p.common = std::max(log_.common_with(m), p.acked);
    p.rewound_at = at.now;
    p.is_known = true;
    p.rewind();
    if (p.common < log_.base().seq) return begin_filling(from, p, out);
    if (p.next > log_.last().seq) send_entries(at, from, p, 0, out);
}

void shard::pump(const instant& at, const store_id& to, peer& p, outputs& out) {
    if (p.filling) {
        transfer& f = *p.filling;
        if (!f.sent || at.now < f.resend_at) return;
        f.resend_at = at.now + config_.resend;
        f.sent->epoch = epoch_;
        return send(to, *f.sent, out);
    }
    if (!p.is_known) return;
    if (p.next > p.acked + 1 && at.now >= p.resend_at) {
        p.resend_at = at.now + config_.resend;
        p.rewind();
        // It has all, and its ack was lost: asks for it.
        if (p.next > log_.last().seq) send_entries(at, to, p, 0, out);
    }
    if (p.next <= log_.base().seq) return begin_filling(to, p, out);
    while (p.next <= log_.last().seq && p.next - p.there() <= config_.entries_in_flight)
        send_entries(at, to, p, config_.entries_a_message, out);
}

void shard::send_entries(const instant& at, const store_id& to, peer& p, std::size_t max,
                         outputs& out) {
    if (p.next <= log_.base().seq) return;
    prepare m{epoch_, log_.point(p.next - 1), commit_, log_.slice(p.next, max)};
    if (!m.entries.empty() && p.next == p.there() + 1) p.resend_at = at.now + config_.resend;
    p.next += m.entries.size();
    send(to, std::move(m), out);
}

void shard::begin_filling(const store_id& to, peer& p, outputs& out) {
    hold(!record_.record.has(to), "a member that lacks what is committed");
    if (term_->joining == to) term_->joining.reset();
    transfer f;
    f.number = (epoch_ << 24U) + ++transfers_;
    f.at = log_.point(log_.applied_seq());
    f.requests = requests_;
    p.filling = std::move(f);
    out.pieces.push_back({to, p.filling->number, std::nullopt});
}

void shard::piece_read(const instant& at, store_id to, std::uint64_t number,
                       std::vector<std::pair<std::string, value>> items, bool is_last,
                       outputs& out) {
    if (!term_) return;
    const auto found = term_->peers.find(to);
    if (found == term_->peers.end() || !found->second.filling) return;
    transfer& f = *found->second.filling;
    if (f.number != number || f.sent) return;
    if (!items.empty()) f.last_key = items.back().first;
    f.sent = snapshot_piece{epoch_, number, f.index, f.at, std::move(items), {}, is_last};
    if (is_last) f.sent->requests = f.requests;
    f.resend_at = at.now;
    finish(at, out);
}

/// `index` is the piece that is wanted next; 0: it knows nothing of this transfer.
void shard::take(const instant& /*at*/, store_id from, const snapshot_ack& m, outputs& out) {
    if (!term_ || m.epoch != epoch_) return;
    const auto found = term_->peers.find(from);
    if (found == term_->peers.end() || !found->second.filling) return;
    peer& p = found->second;
    transfer& f = *p.filling;
    if (m.transfer != f.number || !f.sent) return;
    if (m.index == 0 && f.index > 0) return begin_filling(from, p, out);
    if (m.index != f.index + 1) return;
    if (f.sent->is_last) {
        p.acked = std::max(p.acked, f.at.seq);
        p.common = 0;
        p.rewind();
        p.filling.reset();
        return;
    }
    ++f.index;
    f.sent.reset();
    out.pieces.push_back({from, f.number, f.last_key});
}

}  // namespace kv
