// shard_server: those who watch. They ask for what comes after an entry, and wait here when there is nothing.
//
// Only a primary that serves tells, and only of entries that are applied: these are committed, so nobody is told of
// what may not have happened. It need not be fresh: a watch is behind by nature.
#include <algorithm>
#include <utility>

#include "tools/kv/app/shard_server.hpp"

namespace kv {

namespace {

constexpr std::size_t watchers_max = 10'000;
constexpr std::size_t entries_looked_at = 10'000;  // at once, of those that concern nobody

answer not_primary(const store_id& hint) {
    answer a;
    a.what = answer::kind::not_primary;
    a.hint = hint;
    return a;
}

void add(changes_page& page, const entry& e, const std::string& prefix, std::size_t& bytes) {
    for (const change& c : e.changes) {
        if (!c.key.starts_with(prefix)) continue;
        bytes += c.key.size() + (c.bytes ? c.bytes->size() : 0);
        page.changes.push_back({c.key, c.bytes, e.at.seq, c.expires_ms});
    }
}

}  // namespace

/// Nothing: there is none yet.
std::optional<changes_page> shard_server::changes_after(const changes_request& r) const {
    const shard_log& log = shard_->log();
    changes_page page;
    page.seq = log.applied_seq();
    if (!r.after) return page;
    // What a primary that serves has told of is in its log: a cursor from beyond that is of another history.
    if (*r.after < log.base().seq || *r.after > log.applied_seq()) {
        page.is_too_old = true;
        return page;
    }
    std::size_t bytes = 0;
    page.seq = *r.after;
    const std::uint64_t end =
        std::min<std::uint64_t>(log.applied_seq(), *r.after + entries_looked_at);
    while (page.seq < end && bytes < r.bytes_max) {
        if (log.is_in_memory(page.seq + 1)) {
            add(page, log.at(++page.seq), r.prefix, bytes);
            continue;
        }
        const auto old = disk_.entries_from(page.seq + 1, 1000, r.bytes_max);
        if (old.empty()) break;
        for (const entry& e : old) {
            if (page.seq >= end || bytes >= r.bytes_max) break;
            add(page, e, r.prefix, bytes);
            page.seq = e.at.seq;
        }
    }
    // A long stretch that does not concern it is told, so that its cursor moves on.
    if (page.changes.empty() && page.seq == log.applied_seq()) return std::nullopt;
    return page;
}

void shard_server::handle_cast(ask_changes m) {
    const router_request from{m.router, m.token};
    if (!shard_ || !shard_->is_serving())
        return tell(from, not_primary(facts_.view ? facts_.view->records[number_].record.primary
                                                  : store_id()));
    if (auto page = changes_after(m.what)) return tell_changes(from, *std::move(page));
    if (watchers_.size() >= watchers_max) {
        answer busy;
        busy.what = answer::kind::busy;
        return tell(from, std::move(busy));
    }
    if (watchers_.empty()) watched_seq_ = shard_->log().applied_seq();
    watchers_.push_back({from, std::move(m.what), now().now + m.what.patience});
}

void shard_server::tell_changes(const router_request& to, changes_page page) {
    answer a;
    a.what = answer::kind::found;
    beam::cast<shard_answer>(to.router, to.token, std::move(a),
                             std::optional<changes_page>(std::move(page)));
}

/// After each step: of what it applied, and that this is no primary any more, and that somebody's time is over.
void shard_server::tell_watchers() {
    if (!shard_->is_serving()) return drop_watchers();
    const std::uint64_t applied = shard_->log().applied_seq();
    const bool is_news = applied > watched_seq_;
    watched_seq_ = applied;
    const auto time = now().now;
    std::deque<watcher> waiting;
    waiting.swap(watchers_);
    for (watcher& w : waiting) {
        std::optional<changes_page> page;
        if (is_news) page = changes_after(w.what);
        if (!page && time >= w.until) {
            page.emplace();
            page->seq = applied;
        }
        if (page)
            tell_changes(w.from, *std::move(page));
        else
            watchers_.push_back(std::move(w));
    }
}

void shard_server::drop_watchers() {
    for (const watcher& w : std::exchange(watchers_, {}))
        tell(w.from, not_primary(facts_.view->records[number_].record.primary));
}

}  // namespace kv
