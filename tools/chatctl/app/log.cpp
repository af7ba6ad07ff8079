#include "tools/chatctl/app/log.hpp"

#include <algorithm>
#include <set>

#include "tools/chatctl/app/limits.hpp"

namespace chat {

namespace {

std::uint64_t mark_of(const marks& m, std::uint64_t epoch) {
    const auto it = m.find(epoch);
    return it == m.end() ? 0 : it->second;
}

}  // namespace

bool covers(const marks& a, const marks& b) {
    return std::all_of(b.begin(), b.end(), [&](const auto& theirs) {
        return a.contains(theirs.first) && mark_of(a, theirs.first) >= theirs.second;
    });
}

bool buries(const marks& deleted, const marks& seen) {
    bool is_the_same = false;
    for (const auto& [epoch, last] : seen) {
        if (last > mark_of(deleted, epoch)) return false;
        is_the_same = is_the_same || deleted.contains(epoch);
    }
    return is_the_same;
}

void mark(marks& m, const post& p) {
    std::uint64_t& last = m[p.epoch];
    last = std::max(last, p.seq);
}

void raise(marks& m, const marks& more) {
    for (const auto& [epoch, seq] : more) {
        std::uint64_t& last = m[epoch];
        last = std::max(last, seq);
    }
}

room_log::room_log(std::vector<post> kept, const marks& also_seen, std::uint64_t last_id)
    : last_id_(last_id), seen_(also_seen) {
    if (!kept.empty()) last_id_ = kept.front().id - 1;
    for (post& p : kept) keep(std::move(p));
}

void room_log::keep(post p) {
    last_id_ = p.id;
    mark(seen_, p);
    if (!p.key.empty()) ids_by_key_[p.key] = p.id;
    posts_.push_back(std::move(p));
    if (posts_.size() <= kept_max) return;
    ids_by_key_.erase(posts_.front().key);
    posts_.pop_front();
}

void room_log::also_seen(const marks& more) {
    raise(seen_, more);
}

void room_log::forget_epochs(std::size_t beyond) {
    if (seen_.size() <= beyond) return;
    std::set<std::uint64_t> kept;
    for (const post& p : posts_) kept.insert(p.epoch);
    std::erase_if(seen_, [&](const auto& m) { return m.second != 0 && !kept.contains(m.first); });
}

const post* room_log::find_key(const std::string& key) const {
    const auto known = ids_by_key_.find(key);
    if (known == ids_by_key_.end()) return nullptr;
    const auto it =
        std::lower_bound(posts_.begin(), posts_.end(), known->second,
                         [](const post& p, std::uint64_t wanted) { return p.id < wanted; });
    return it != posts_.end() && it->id == known->second ? &*it : nullptr;
}

std::vector<post> room_log::after(std::uint64_t id, std::size_t limit, std::size_t bytes) const {
    std::vector<post> found;
    std::size_t size = 0;
    auto it = std::lower_bound(posts_.begin(), posts_.end(), id + 1,
                               [](const post& p, std::uint64_t wanted) { return p.id < wanted; });
    for (; it != posts_.end() && found.size() < limit && size < bytes; ++it) {
        size += it->text.size();
        found.push_back(*it);
    }
    return found;
}

std::vector<post> room_log::unseen(const marks& there, std::size_t bytes) const {
    std::vector<post> found;
    std::size_t size = 0;
    for (const post& p : posts_) {
        if (size >= bytes || found.size() >= posts_at_once) break;
        if (p.seq <= mark_of(there, p.epoch)) continue;
        size += p.text.size();
        found.push_back(p);
    }
    return found;
}

std::vector<post> room_log::fresh(std::vector<post> others) {
    std::vector<post> found;
    std::uint64_t next = last_id_;
    for (post& p : others) {
        if (p.seq <= mark_of(seen_, p.epoch)) continue;
        if (!p.key.empty() && find_key(p.key)) {
            mark(seen_, p);
            continue;
        }
        p.id = ++next;
        found.push_back(std::move(p));
    }
    return found;
}

place room_log::resume(const marks& read) const {
    place found;
    found.after = last_id_;
    bool first = true;
    marks oldest;
    for (const post& p : posts_) {
        oldest.try_emplace(p.epoch, p.seq);
        if (p.seq <= mark_of(read, p.epoch)) {
            if (!first) found.skip.push_back(p.id);
            continue;
        }
        if (first) found.after = p.id - 1;
        first = false;
    }
    if (posts_.empty() || posts_.front().id == 1) return found;  // nothing is forgotten yet
    for (const auto& [epoch, last] : read) {
        const auto kept = oldest.find(epoch);
        const std::uint64_t gone =
            kept != oldest.end() ? kept->second - 1 : std::max(last, mark_of(seen_, epoch));
        if (gone > last) found.missed += gone - last;
    }
    return found;
}

marks room_log::read_up_to(std::uint64_t id) const {
    marks read = seen_;
    for (const post& p : posts_) {
        if (p.id <= id) continue;
        std::uint64_t& last = read[p.epoch];
        last = std::min(last, p.seq - 1);
    }
    return read;
}

}  // namespace chat
