#include "tools/kv/shard/dedup_table.hpp"

#include <algorithm>

namespace kv {

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
        c.outcomes.emplace(e.id.number, e.result);
        c.settled = std::max(c.settled, e.settled);
        c.outcomes.erase(c.outcomes.begin(), c.outcomes.lower_bound(c.settled));
        if (c.outcomes.size() > numbers_kept) c.outcomes.erase(c.outcomes.begin());
        outcomes_ += c.outcomes.size() - before;
    }
    while (!by_age_.empty() && by_age_.begin()->first + client_kept_ms < age_ms_) {
        const auto old = clients_.find(by_age_.begin()->second);
        outcomes_ -= old->second.outcomes.size();
        clients_.erase(old);
        by_age_.erase(by_age_.begin());
    }
}

std::optional<outcome> dedup_table::find(const request_id& id) const {
    const auto c = clients_.find(id.client);
    if (c == clients_.end()) return std::nullopt;
    const auto o = c->second.outcomes.find(id.number);
    if (o == c->second.outcomes.end()) return std::nullopt;
    return o->second;
}

bool dedup_table::is_too_old(const request_id& id) const {
    const auto c = clients_.find(id.client);
    if (c == clients_.end() || c->second.outcomes.size() < numbers_kept) return false;
    return id.number < c->second.outcomes.begin()->first;
}

dedup_table dedup_table::restored(std::map<std::uint64_t, client> clients, std::uint64_t age_ms) {
    dedup_table t;
    t.clients_ = std::move(clients);
    t.age_ms_ = age_ms;
    for (const auto& [id, c] : t.clients_) {
        t.by_age_.emplace(c.last_ms, id);
        t.outcomes_ += c.outcomes.size();
    }
    return t;
}

bool dedup_table::is_settled(const request_id& id) const {
    const auto c = clients_.find(id.client);
    return c != clients_.end() && id.number < c->second.settled;
}

}  // namespace kv
