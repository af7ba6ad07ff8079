// A primary fills a store whose log has no common point with its own: a snapshot in pieces, so many bytes of them on their
// way at once.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

/// `from` is what it said it has; nullptr: not asked again.
///
/// A part of a snapshot that it has from another term is good, if all that may be in it is a part of this history: what
/// the rest lacks of that is in the log after the snapshot's point.
void shard::begin_filling(const store_id& to, peer& p, const log_ends* from) {
    hold(!record_.record.has(to), "a member that lacks what is committed");
    if (term_->joining == to) term_->joining.reset();
    transfer f;
    f.number = (epoch_ << 24U) + ++transfers_;
    f.is_refill = from ? is_stranger(p, *from) : p.filling && p.filling->is_refill;
    const bool goes_on = from && from->part && log_.has(from->part->at) &&
                         from->part->at.epoch > record_.record.past_from &&
                         log_.has(from->part->reflects) &&
                         from->part->reflects.seq <= log_.applied_seq();
    if (goes_on) {
        f.is_resumed = true;
        f.at = from->part->at;
        f.last_key = from->part->last_key;
    } else {
        f.at = log_.point(log_.applied_seq());
        f.requests = requests_;
    }
    p.filling = std::move(f);
}

/// Wants the next piece, if there is room for it on the way. What nobody acks is sent again, only its first piece: the
/// answer shows what is missing.
void shard::fill(const instant& at, const store_id& to, peer& p, outputs& out) {
    transfer& f = *p.filling;
    if (!f.sent.empty() && at.now >= f.resend_at) {
        f.resend_at = at.now + 4 * config_.resend;
        f.is_stuck = true;
        send_piece(to, f.sent.front(), out);
    }
    if (f.is_reading || f.is_read || f.sent_bytes >= config_.pieces_in_flight_bytes) return;
    f.is_reading = true;
    out.pieces.push_back({to, f.number, f.last_key, config_.piece_bytes});
}

void shard::send_piece(const store_id& to, const snapshot_piece& piece, outputs& out) {
    snapshot_piece copy = piece;
    copy.epoch = epoch_;
    send(to, std::move(copy), out);
}

void shard::piece_read(const instant& at, store_id to, std::uint64_t number,
                       std::vector<std::pair<std::string, value>> items, bool is_last,
                       outputs& out) {
    if (!term_) return;
    const auto found = term_->peers.find(to);
    if (found == term_->peers.end() || !found->second.filling) return;
    transfer& f = *found->second.filling;
    if (f.number != number || !f.is_reading) return;
    f.is_reading = false;
    f.is_read = is_last;
    snapshot_piece piece;
    piece.transfer = number;
    piece.index = f.next_index++;
    piece.at = f.at;
    piece.reflects = log_.point(log_.applied_seq());
    if (piece.index == 0 && f.is_resumed) piece.after = f.last_key;
    piece.items = std::move(items);
    if (f.requests) piece.requests = *std::exchange(f.requests, std::nullopt);
    piece.is_last = is_last;
    piece.is_refill = f.is_refill;
    if (!piece.items.empty()) f.last_key = piece.items.back().first;
    if (f.sent.empty()) f.resend_at = at.now + 4 * config_.resend;
    send_piece(to, piece, out);
    f.sent_bytes += size_of(piece);
    f.sent.push_back(std::move(piece));
    finish(at, out);
}

void shard::take(const instant& at, store_id from, const snapshot_ack& m, outputs& out) {
    if (!term_ || m.epoch != epoch_) return;
    const auto found = term_->peers.find(from);
    if (found == term_->peers.end() || !found->second.filling) return;
    peer& p = found->second;
    transfer& f = *p.filling;
    if (m.transfer != f.number || f.sent.empty()) return;
    const std::uint64_t first = f.sent.front().index;
    if (m.index <= first) {
        // Late, unless something was sent again since the last that was news.
        if (!f.is_stuck) return;
        // It was started again, and knows nothing of the pieces that it had, or only one that came late.
        if (m.index < first) return begin_filling(from, p, nullptr);
        f.is_stuck = false;
        f.resend_at = at.now + 4 * config_.resend;
        for (const snapshot_piece& piece : f.sent) send_piece(from, piece, out);
        return;
    }
    bool is_done = false;
    while (!f.sent.empty() && f.sent.front().index < m.index) {
        is_done = f.sent.front().is_last;
        f.sent_bytes -= size_of(f.sent.front());
        f.sent.pop_front();
    }
    note_move(at);
    f.resend_at = at.now + 4 * config_.resend;
    if (std::exchange(f.is_stuck, false))
        for (const snapshot_piece& piece : f.sent) send_piece(from, piece, out);
    if (!is_done) return;
    p.acked = std::max(p.acked, f.at.seq);
    p.common = 0;
    p.rewind();
    p.filling.reset();
}

}  // namespace kv
