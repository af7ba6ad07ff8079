// A primary makes the others' logs its own: by entries from the last common point on. Without one: shard_fill.cpp.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/invariant.hpp"
#include "tools/kv/shard/shard.hpp"

namespace kv {

void shard::take(const instant& at, store_id from, const log_ends& m, outputs& out) {
    // Nobody's log leads to the state of a primary that is ahead of its own: it has a new one soon.
    if (!term_ || m.epoch != epoch_ || term_->is_ahead) return;
    const auto found = term_->peers.find(from);
    if (found == term_->peers.end()) return;
    peer& p = found->second;
    if (!may_bring_up(from)) return;
    // Each message that came too early asks for the same.
    if (p.is_known && at.now < p.rewound_at + config_.resend / 8) return;
    // It forgot what was to go on.
    if (p.filling && p.filling->is_resumed && !p.filling->sent.empty() &&
        p.filling->sent.front().index == 0)
        p.filling.reset();
    if (p.filling) return;
    const bool is_strange = is_stranger(p, m);
    // What was acked in this term is of this history: the message is from before.
    if (is_strange && p.acked > 0) return;
    p.rewound_at = at.now;
    p.is_known = true;
    if (is_strange) return begin_filling(from, p, &m);
    p.common = std::max(log_.common_with(m), p.acked);
    p.rewind();
    if (p.common < log_.base().seq || is_better_filled(from, p)) return begin_filling(from, p, &m);
    if (p.next > log_.last().seq) tell_commit(from, p, out);
}

/// What a coordinator that had gone back, or lost all, told before it was put together anew is no part of this history, though the
/// places in the log may be the same; the record says nothing of the epochs of that time. Members were chosen with their logs,
/// and who has an entry of a later epoch got it from a primary that knew its log.
bool shard::is_of_history(const peer& p, const log_ends& m) const {
    const log_point last = m.runs.empty() ? m.base : m.runs.back();
    return p.was_member || last.seq == 0 || last.epoch > record_.record.past_from;
}

/// What it has may be of another history: a primary replaces it as a whole.
bool shard::is_stranger(const peer& p, const log_ends& m) const {
    return rules_.refill_strangers && (!is_of_history(p, m) || !log_.explains(m));
}

/// A log that has nothing yet would get all that was ever written, and write it twice: as entries, and what they come to.
bool shard::is_better_filled(const store_id& who, const peer& p) const {
    return p.common == 0 && !record_.record.has(who) && !log_.is_in_memory(1);
}

void shard::pump(const instant& at, const store_id& to, peer& p, outputs& out) {
    if (!may_bring_up(to)) return;
    if (p.filling) return fill(at, to, p, out);
    if (!p.is_known) return;
    if (p.next > p.acked + 1 && at.now >= p.resend_at) {
        p.resend_at = at.now + config_.resend;
        p.rewind();
        // It has all, and its ack was lost: asks for it.
        if (p.next > log_.last().seq) tell_commit(to, p, out);
    }
    if (p.next <= log_.base().seq) return begin_filling(to, p, nullptr);
    while (p.next <= log_.last().seq && p.next - p.there() <= config_.entries_in_flight &&
           p.sent_bytes < config_.bytes_in_flight) {
        if (!log_.is_in_memory(p.next)) return want_entries(to, p, out);
        send_entries(at, to, p,
                     log_.slice(p.next, config_.entries_a_message, config_.bytes_a_message), out);
    }
}

void shard::send_entries(const instant& at, const store_id& to, peer& p, std::vector<entry> entries,
                         outputs& out) {
    if (p.next == p.there() + 1) p.resend_at = at.now + config_.resend;
    prepare m{epoch_, log_.point(p.next - 1), commit_, std::move(entries)};
    p.note_sent(m.entries);
    p.told = commit_;
    send(to, std::move(m), out);
}

void shard::tell_commit(const store_id& to, peer& p, outputs& out) {
    if (!p.is_known || p.filling || p.next <= log_.base().seq) return;
    p.told = commit_;
    send(to, prepare{epoch_, log_.point(p.next - 1), commit_, {}}, out);
}

/// What is not in memory is applied, so it stays what it is.
void shard::want_entries(const store_id& to, peer& p, outputs& out) {
    if (p.is_reading) return;
    p.is_reading = true;
    const std::uint64_t left = log_.applied_seq() + 1 - p.next;
    out.entries.push_back({to, p.next, std::min<std::uint64_t>(left, config_.entries_a_message),
                           config_.bytes_a_message});
}

void shard::entries_read(const instant& at, store_id to, std::vector<entry> entries, outputs& out) {
    if (!term_) return;
    const auto found = term_->peers.find(to);
    if (found == term_->peers.end()) return;
    peer& p = found->second;
    p.is_reading = false;
    // Meanwhile it may have got on, or lost some.
    std::erase_if(entries, [&](const entry& e) { return e.at.seq < p.next; });
    const bool is_wanted = p.is_known && !p.filling && p.next > log_.base().seq &&
                           !entries.empty() && entries.front().at.seq == p.next;
    if (is_wanted) {
        for (const entry& e : entries) hold(log_.has(e.at), "another log on disk");
        send_entries(at, to, p, std::move(entries), out);
    }
    finish(at, out);
}

}  // namespace kv
