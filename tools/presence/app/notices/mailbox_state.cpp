#include "tools/presence/app/notices/mailbox_state.hpp"

#include <algorithm>

namespace presence {

mailbox_state::mailbox_state(std::string user, std::uint64_t next_seq, std::vector<notice> open,
                             const mailbox_rules& rules)
    : user_(std::move(user)), next_seq_(next_seq), rules_(rules) {
    for (notice& n : open) {
        by_expiry_.emplace(n.expires_ms, n.seq);
        by_id_.emplace(std::pair(n.from, n.id), n.seq);
        open_.emplace(n.seq, std::move(n));
    }
}

acceptance mailbox_state::accept(const moment& at, std::string from, std::string id,
                                 std::string text, std::chrono::milliseconds ttl, effects& out) {
    notice n;
    n.id = std::move(id);
    n.from = std::move(from);
    n.text = std::move(text);
    n.accepted_ms = at.wall_ms;
    n.expires_ms = at.wall_ms + ttl.count();
    return take(at, std::move(n), false, out);
}

acceptance mailbox_state::adopt(const moment& at, notice n, effects& out) {
    return take(at, std::move(n), true, out);
}

acceptance mailbox_state::take(const moment& at, notice n, bool is_moved, effects& out) {
    if (open_.size() >= limits::open_max) return acceptance::full;
    n.seq = next_seq_++;
    by_expiry_.emplace(n.expires_ms, n.seq);
    by_id_.emplace(std::pair(n.from, n.id), n.seq);
    out.changes.push_back({n, notice_state::queued, at.wall_ms, is_moved});
    open_.emplace(n.seq, std::move(n));
    for (auto& [pid, s] : sessions_) pump(at, pid, s, out);
    return acceptance::accepted;
}

void mailbox_state::session_came(const moment& at, beam::pid session_pid, effects& out) {
    auto [it, is_new] = sessions_.try_emplace(session_pid);
    if (!is_new) return;
    if (!rules_.newcomers_get_all) it->second.sent = it->second.confirmed = next_seq_ - 1;
    pump(at, session_pid, it->second, out);
}

void mailbox_state::session_left(beam::pid session_pid) {
    sessions_.erase(session_pid);
}

void mailbox_state::confirm(const moment& at, beam::pid session_pid, std::uint64_t seq,
                            effects& out) {
    auto found = sessions_.find(session_pid);
    if (found == sessions_.end()) return;
    session& s = found->second;
    // Of what was never sent: a session of an earlier life of this mailbox, whose numbers are the same. It is right.
    seq = std::min(seq, next_seq_ - 1);
    if (seq <= s.confirmed) return;
    for (auto it = open_.upper_bound(s.confirmed); it != open_.end() && it->first <= seq; ++it) {
        const std::uint64_t one = it->first;
        const bool known =
            std::any_of(sessions_.begin(), sessions_.end(),
                        [one](const auto& other) { return other.second.confirmed >= one; });
        if (!known) out.told.emplace_back(one, notice_state::delivered);
    }
    s.confirmed = seq;
    s.sent = std::max(s.sent, seq);
    s.window = limits::in_flight_max;
    s.backoff = limits::retry_first;
    s.retry_at = at.now + s.backoff;
    pump(at, session_pid, s, out);
}

bool mailbox_state::acknowledge(const moment& at, std::uint64_t seq, std::optional<beam::pid> by,
                                effects& out) {
    if (!open_.contains(seq)) {
        if (!rules_.close_once && seq < next_seq_) {
            notice again;
            again.seq = seq;
            out.changes.push_back({again, notice_state::acknowledged, at.wall_ms, false});
        }
        return false;
    }
    close(at, seq, notice_state::acknowledged, by, out);
    // There is room in flight now.
    for (auto& [pid, s] : sessions_) pump(at, pid, s, out);
    return true;
}

void mailbox_state::tick(const moment& at, effects& out) {
    while (!by_expiry_.empty() && by_expiry_.begin()->first <= at.wall_ms)
        close(at, by_expiry_.begin()->second, notice_state::expired, {}, out);
    for (auto& [pid, s] : sessions_) {
        const auto oldest = oldest_unconfirmed(s);
        if (oldest && at.now >= s.retry_at && *oldest <= s.sent && rules_.send_again) {
            // Only the oldest until it is confirmed.
            s.sent = *oldest - 1;
            s.window = 1;
            s.backoff = std::min<std::chrono::nanoseconds>(2 * s.backoff, limits::retry_max);
            s.retry_at = at.now + s.backoff;
        }
        pump(at, pid, s, out);
    }
}

std::optional<std::chrono::nanoseconds> mailbox_state::wake_at(const moment& at) const {
    std::optional<std::chrono::nanoseconds> next;
    const auto earlier = [&](std::chrono::nanoseconds t) {
        if (!next || t < *next) next = t;
    };
    for (const auto& [pid, s] : sessions_)
        if (oldest_unconfirmed(s)) earlier(s.retry_at);
    if (!by_expiry_.empty())
        earlier(at.now + std::chrono::milliseconds(by_expiry_.begin()->first - at.wall_ms));
    return next;
}

const notice* mailbox_state::find_open(std::string_view from, std::string_view id) const {
    auto found = by_id_.find(std::pair(std::string(from), std::string(id)));
    return found == by_id_.end() ? nullptr : &open_.at(found->second);
}

notice_state mailbox_state::state_of(std::uint64_t seq) const {
    const bool is_there = std::any_of(sessions_.begin(), sessions_.end(),
                                      [seq](const auto& s) { return s.second.confirmed >= seq; });
    return is_there ? notice_state::delivered : notice_state::queued;
}

std::uint64_t mailbox_state::attempts(std::uint64_t seq) const {
    auto found = attempts_.find(seq);
    return found == attempts_.end() ? 0 : found->second;
}

/// Sends the session what it was not sent yet, as far as the window allows.
void mailbox_state::pump(const moment& at, beam::pid to, session& s, effects& out) {
    auto next = open_.upper_bound(s.confirmed);
    for (std::size_t in_flight = 0; next != open_.end() && in_flight < s.window;
         ++next, ++in_flight) {
        if (next->first <= s.sent) continue;
        delivery d;
        d.user = user_;
        d.what = next->second;
        d.after = next == open_.begin() ? 0 : std::prev(next)->first;
        out.deliveries.emplace_back(to, std::move(d));
        if (in_flight == 0) s.retry_at = at.now + s.backoff;
        s.sent = next->first;
        s.reached = std::max(s.reached, s.sent);
        ++attempts_[next->first];
    }
}

void mailbox_state::close(const moment& at, std::uint64_t seq, notice_state how,
                          std::optional<beam::pid> by, effects& out) {
    auto found = open_.find(seq);
    notice n = std::move(found->second);
    open_.erase(found);
    attempts_.erase(seq);
    by_expiry_.erase({n.expires_ms, seq});
    by_id_.erase(std::pair(n.from, n.id));
    for (const auto& [pid, s] : sessions_)
        if (s.reached >= seq && by != pid)
            out.settlements.emplace_back(pid, settled{user_, n.id, seq, how});
    out.told.emplace_back(seq, how);
    out.changes.push_back({std::move(n), how, at.wall_ms, false});
}

std::optional<std::uint64_t> mailbox_state::oldest_unconfirmed(const session& s) const {
    auto found = open_.upper_bound(s.confirmed);
    if (found == open_.end()) return std::nullopt;
    return found->first;
}

}  // namespace presence
