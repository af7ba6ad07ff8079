// Writes: each is done once, and answered when it is on disk everywhere.
#include <algorithm>
#include <utility>

#include "tools/kv/shard/shard.hpp"

namespace kv {

namespace {

/// The last change of the key in an entry, or nullptr.
const change* find_change(const entry& e, const std::string& key) {
    const auto last = std::find_if(e.changes.rbegin(), e.changes.rend(),
                                   [&](const change& c) { return c.key == key; });
    return last == e.changes.rend() ? nullptr : &*last;
}

std::optional<value> value_in(const entry& e, const change& c) {
    if (!c.bytes) return std::nullopt;
    return value{*c.bytes, e.at.seq, c.expires_ms};
}

std::size_t size_of(const write_request& r) {
    std::size_t all = 64;
    for (const operation& op : r.operations) all += 32 + op.key.size() + op.bytes.size();
    return all;
}

}  // namespace

void shard::write(const instant& at, std::uint64_t origin, write_request request, outputs& out) {
    const std::size_t bytes = size_of(request), before = held_bytes_ + log_.prepared_bytes();
    if (!term_) {
        tell(origin, answer_of(answer::kind::not_primary), out);
    } else if (waiting() >= config_.waiting_max ||
               (before > 0 && before + bytes > config_.waiting_bytes_max)) {
        tell(origin, answer_of(answer::kind::busy), out);
    } else {
        const time deadline = at.now + request.patience;
        note_due(deadline);
        held_bytes_ += bytes;
        held_.push_back({origin, std::move(request), deadline, bytes});
    }
    finish(at, out);
}

void shard::place_held(const instant& at, outputs& out) {
    // A primary that may not read may have been replaced: it appends nothing, so that "nothing was written" is true.
    while (!held_.empty() && !term_->moving_to && may_read(at.now)) {
        const held_write w = std::move(held_.front());
        held_.pop_front();
        held_bytes_ -= w.bytes;
        place(at, w.origin, w.request, w.deadline, out);
    }
}

void shard::place(const instant& at, std::uint64_t origin, const write_request& r, time deadline,
                  outputs& out) {
    if (rules_.deduplicate) {
        const auto known = requests_.recall(r.id);
        if (known.answer) return tell(origin, told_of(*known.answer), out);
        if (const auto seq = log_.prepared_request(r.id)) {
            return wait_for_commit({*seq, origin, deadline});
        }
        if ((rules_.settled_is_over && known.is_settled) || known.is_too_old)
            return tell(origin, answer_of(answer::kind::unknown), out);
    }
    if (record_.record.isr.size() < config_.min_isr)
        return tell(origin, answer_of(answer::kind::unavailable, too_few_copies), out);
    evaluation e = evaluate(
        r, [&](const std::string& key) { return newest(key, out); }, at.wall_ms);
    if (!e.result.done && !rules_.log_refusals) {
        answer a = answer_of(answer::kind::refused);
        a.result = e.result;
        return tell(origin, std::move(a), out);
    }
    const std::uint64_t seq = log_.last().seq + 1;
    e.result.version = e.result.done ? seq : 0;
    append(
        at,
        {{}, r.id, std::move(e.result), std::move(e.changes), std::min(r.settled, r.id.number), 0},
        out);
    wait_for_commit({seq, origin, deadline});
}

/// Of what is committed. On fewer copies than were asked for it is not acknowledged: it may be lost with them.
answer shard::told_of(const outcome& r) const {
    if (r.done && record_.record.isr.size() < config_.min_isr)
        return answer_of(answer::kind::unknown, too_few_copies);
    answer a = answer_of(r.done ? answer::kind::done : answer::kind::refused);
    a.result = r;
    return a;
}

/// A second copy of a request waits for the first one's entry.
void shard::wait_for_commit(const waiter& w) {
    const auto after = std::upper_bound(committing_.begin(), committing_.end(), w.seq,
                                        [](std::uint64_t s, const waiter& o) { return s < o.seq; });
    committing_.insert(after, w);
}

/// Prepared, or applied in this very step, or in the data.
std::optional<value> shard::newest(const std::string& key, const outputs& out) const {
    if (const auto seq = log_.prepared_change(key))
        return value_in(log_.at(*seq), *find_change(log_.at(*seq), key));
    for (auto it = out.storage.rbegin(); it != out.storage.rend(); ++it) {
        const auto* applied = std::get_if<apply_entry>(&*it);
        const change* c = applied ? find_change(applied->what, key) : nullptr;
        if (c) return value_in(applied->what, *c);
    }
    return data_.get(key);
}

/// Looks at all, but only when the earliest deadline there was has passed, and not more often than every other
/// millisecond.
void shard::expire_requests(const instant& at, outputs& out) {
    if (at.now < due_at_) return;
    due_at_ = time::max();
    expire_writes(at, out);
    expire_reads(at, out);
    if (due_at_ != time::max()) due_at_ = std::max(due_at_, at.now + std::chrono::milliseconds(2));
}

void shard::expire_writes(const instant& at, outputs& out) {
    std::erase_if(held_, [&](const held_write& w) {
        note_due(at.now < w.deadline ? w.deadline : time::max());
        if (at.now < w.deadline) return false;
        tell(w.origin, answer_of(answer::kind::unavailable, "no contact with the other copies"),
             out);
        held_bytes_ -= w.bytes;
        return true;
    });
    std::erase_if(committing_, [&](const waiter& w) {
        note_due(at.now < w.deadline ? w.deadline : time::max());
        if (at.now < w.deadline) return false;
        tell(w.origin, answer_of(answer::kind::unknown), out);
        return true;
    });
}

void shard::tell(std::uint64_t origin, answer a, outputs& out) {
    out.replies.push_back({origin, std::move(a)});
}

answer shard::answer_of(answer::kind what, std::string why) const {
    answer a;
    a.what = what;
    a.why = std::move(why);
    if (!term_) a.hint = leader_;
    return a;
}

}  // namespace kv
