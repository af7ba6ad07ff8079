#include "tools/ratelimit/app/permit_book.hpp"

#include <algorithm>

namespace breakers {

void permit_book::add(permit p) {
    if (p.slow_at < p.expires_at) agenda_.emplace(p.slow_at, p.id);
    if (p.expires_at != INT64_MAX) agenda_.emplace(p.expires_at, p.id);
    if (p.owner) by_monitor_.emplace(p.monitor, p.id);
    permits_.emplace(p.id, p);
}

void permit_book::drop_from_agenda(const permit& p) {
    for (const std::int64_t at : {p.slow_at, p.expires_at}) {
        const auto [first, last] = agenda_.equal_range(at);
        for (auto entry = first; entry != last; ++entry)
            if (entry->second == p.id) {
                agenda_.erase(entry);
                break;
            }
    }
}

std::optional<permit> permit_book::end(std::uint64_t id) {
    const auto found = permits_.find(id);
    if (found == permits_.end()) return {};
    const permit p = found->second;
    drop_from_agenda(p);
    if (p.owner) by_monitor_.erase(p.monitor);
    permits_.erase(found);
    return p;
}

std::optional<permit> permit_book::end_of(const beam::ref& monitor) {
    const auto found = by_monitor_.find(monitor);
    if (found == by_monitor_.end()) return {};
    return end(found->second);
}

std::optional<std::uint64_t> permit_book::oldest(std::uint32_t epoch) const {
    const auto fits = [&](const auto& entry) {
        return entry.second.epoch == epoch && !entry.second.owner;
    };
    const auto found = std::find_if(permits_.begin(), permits_.end(), fits);
    if (found == permits_.end()) return {};
    return found->first;
}

std::size_t permit_book::open_in(std::uint32_t epoch) const {
    return static_cast<std::size_t>(std::count_if(
        permits_.begin(), permits_.end(),
        [&](const auto& entry) { return entry.second.epoch == epoch && !entry.second.counted; }));
}

std::int64_t permit_book::due_at() const {
    return agenda_.empty() ? INT64_MAX : agenda_.begin()->first;
}

std::optional<std::pair<permit_event, permit>> permit_book::next_due(std::int64_t now) {
    if (due_at() > now) return {};
    permit& p = permits_.find(agenda_.begin()->second)->second;
    if (agenda_.begin()->first >= p.expires_at) {
        const std::uint64_t id = p.id;
        return std::pair(permit_event::expired, *end(id));
    }
    agenda_.erase(agenda_.begin());
    p.counted = true;
    return std::pair(permit_event::slow, p);
}

}  // namespace breakers
