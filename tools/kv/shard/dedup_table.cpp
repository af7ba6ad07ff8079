#include "tools/kv/shard/dedup_table.hpp"

#include <algorithm>

namespace kv {

namespace {

/// The first that is not before that number.
template <class Outcomes>
auto place_of(Outcomes& all, std::uint64_t number) {
    return std::lower_bound(all.begin(), all.end(), number,
                            [](const auto& o, std::uint64_t n) { return o.first < n; });
}

/// The new one often takes the place of the only other.
void add(dedup_table::client& c, const entry& e) {
    auto& all = c.outcomes;
    c.settled = std::max(c.settled, e.settled);
    all.erase(all.begin(), place_of(all, c.settled));
    if (e.id.number < c.settled) return;
    const auto place = place_of(all, e.id.number);
    if (place == all.end() || place->first != e.id.number)
        all.emplace(place, e.id.number, e.result);
    if (all.size() > dedup_table::numbers_kept) all.erase(all.begin());
}

}  // namespace

void dedup_table::apply(const entry& e) {
    age_ms_ = std::max(age_ms_, e.age_ms);
    if (e.id.client != 0) {
        const auto [found, is_new] = clients_.try_emplace(e.id.client);
        client& c = found->second;
        if (is_new || c.last_ms + 1000 <= age_ms_) {
            by_age_.erase({c.last_ms, e.id.client});
            c.last_ms = age_ms_;
            by_age_.emplace(c.last_ms, e.id.client);
        }
        const std::size_t before = c.outcomes.size();
        add(c, e);
        outcomes_ += c.outcomes.size() - before;
    }
    while (!by_age_.empty() && by_age_.begin()->first + client_kept_ms < age_ms_) {
        const auto old = clients_.find(by_age_.begin()->second);
        outcomes_ -= old->second.outcomes.size();
        clients_.erase(old);
        by_age_.erase(by_age_.begin());
    }
}

dedup_table::memory dedup_table::recall(const request_id& id) const {
    memory m;
    const auto found = clients_.find(id.client);
    if (found == clients_.end()) return m;
    const client& c = found->second;
    const auto o = place_of(c.outcomes, id.number);
    if (o != c.outcomes.end() && o->first == id.number) m.answer = &o->second;
    m.is_settled = id.number < c.settled;
    m.is_too_old = c.outcomes.size() >= numbers_kept && o == c.outcomes.begin() && !m.answer;
    return m;
}

dedup_table dedup_table::restored(clients_by_id clients, std::uint64_t age_ms) {
    dedup_table t;
    t.clients_ = std::move(clients);
    t.age_ms_ = age_ms;
    for (const auto& [id, c] : t.clients_) {
        t.by_age_.emplace(c.last_ms, id);
        t.outcomes_ += c.outcomes.size();
    }
    return t;
}

}  // namespace kv
