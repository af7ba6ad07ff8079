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

}  // namespace

void shard::write(const instant& at, std::uint64_t origin, write_request request, outputs& out) {
    if (!term_) {
        tell(origin, answer_of(answer::kind::not_primary), out);
    } else if (waiting() >= config_.waiting_max) {
        tell(origin, answer_of(answer::kind::busy), out);
    } else {
        const time deadline = at.now + request.patience;
        held_.push_back({origin, std::move(request), deadline});
    }
    finish(at, out);
}

void shard::place_held(const instant& at, outputs& out) {
    // A primary that may not read may have been replaced: it appends nothing, so that "nothing was written" is true.
    while (!held_.empty() && !term_->moving_to && may_read(at.now)) {
        const held_write w = std::move(held_.front());
        held_.pop_front();
        place(at, w.origin, w.request, w.deadline, out);
    }
}

void shard::place(const instant& at, std::uint64_t origin, const write_request& r, time deadline,
                  outputs& out) {
    if (rules_.deduplicate) {
        if (const auto before = requests_.find(r.id)) {
            answer a = answer_of(before->done ? answer::kind::done : answer::kind::refused);
            a.result = *before;
            return tell(origin, std::move(a), out);
        }
        if (const auto seq = log_.prepared_request(r.id)) {
            committing_[*seq].push_back({origin, deadline});
            return;
        }
        if (requests_.is_too_old(r.id)) return tell(origin, answer_of(answer::kind::unknown), out);
    }
    if (record_.record.isr.size() < config_.min_isr)
        return tell(origin, answer_of(answer::kind::unavailable, "too few copies"), out);
    evaluation e = evaluate(
        r, [&](const std::string& key) { return newest(key, out); }, at.wall_ms);
    if (!e.result.done && !rules_.log_refusals) {
        answer a = answer_of(answer::kind::refused);
        a.result = e.result;
        return tell(origin, std::move(a), out);
    }
    const std::uint64_t seq = log_.last().seq + 1;
    e.result.version = e.result.done ? seq : 0;
    append(at, {{}, r.id, std::move(e.result), std::move(e.changes), 0}, out);
    committing_[seq].push_back({origin, deadline});
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

void shard::expire_writes(const instant& at, outputs& out) {
    for (auto it = held_.begin(); it != held_.end();) {
        if (at.now < it->deadline) {
            ++it;
            continue;
        }
        tell(it->origin, answer_of(answer::kind::unavailable, "no contact with the other copies"),
             out);
        it = held_.erase(it);
    }
    for (auto it = committing_.begin(); it != committing_.end();) {
        std::erase_if(it->second, [&](const waiter& w) {
            if (at.now < w.deadline) return false;
            tell(w.origin, answer_of(answer::kind::unknown), out);
            return true;
        });
        it = it->second.empty() ? committing_.erase(it) : std::next(it);
    }
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
