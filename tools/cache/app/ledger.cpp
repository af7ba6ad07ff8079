#include "tools/cache/app/ledger.hpp"

#include <utility>

namespace cache {

slot ledger::take_slot() {
    if (!free_.empty()) {
        const slot s = free_.back();
        free_.pop_back();
        return s;
    }
    nodes_.cover(used_slots_);
    age_links_.cover(used_slots_);
    return used_slots_++;
}

void ledger::born(birth b) {
    if (buried_.erase(b.id) + buried_before_.erase(b.id) > 0 || knows(b.id)) return;
    const slot s = take_slot();
    nodes_[s] = {b.key, std::move(b.tags), b.id, ++births_, b.put_at_ms};
    index_.insert(b.id, s);
    by_age_.push_back(age_links_, s);
    order_.add(s, std::uint64_t(b.key));
    if (b.remove_at_ms != 0) wheel_.add(s, b.remove_at_ms);
    tag(s);
}

void ledger::gone(std::uint64_t id) {
    const slot s = index_.find(id);
    if (s == no_slot) {
        buried_.insert(id);
        return;
    }
    index_.erase(id);
    untag(s);
    wheel_.remove(s);
    order_.remove(s);
    by_age_.erase(age_links_, s);
    nodes_[s] = {};
    free_.push_back(s);
}

void ledger::used(std::uint64_t id) {
    const slot s = index_.find(id);
    if (s != no_slot) order_.used(s);
}

void ledger::changed(std::uint64_t id, std::int64_t remove_at_ms, const beam::term& tags) {
    const slot s = index_.find(id);
    if (s == no_slot) return;
    wheel_.remove(s);
    if (remove_at_ms != 0) wheel_.add(s, remove_at_ms);
    if (nodes_[s].tags == tags) return;
    untag(s);
    nodes_[s].tags = tags;
    tag(s);
}

void ledger::tag(slot s) {
    for (const beam::term& t : nodes_[s].tags.list_elements()) tags_[t].insert(s);
}

void ledger::untag(slot s) {
    for (const beam::term& t : nodes_[s].tags.list_elements()) {
        auto it = tags_.find(t);
        if (it == tags_.end()) continue;
        it->second.erase(s);
        if (it->second.empty()) tags_.erase(it);
    }
}

std::optional<ledger::known> ledger::due() {
    const slot s = wheel_.pop_due();
    if (s == no_slot) return std::nullopt;
    return at(s);
}

std::optional<ledger::known> ledger::victim() {
    const slot s = order_.victim();
    if (s == no_slot) return std::nullopt;
    return at(s);
}

std::optional<ledger::known> ledger::oldest() const {
    if (by_age_.empty()) return std::nullopt;
    return at(by_age_.front());
}

std::optional<std::int64_t> ledger::oldest_put_ms() const {
    if (by_age_.empty()) return std::nullopt;
    return nodes_[by_age_.front()].put_at;
}

std::optional<ledger::known> ledger::tagged(std::string_view tag) const {
    auto it = tags_.find(beam::binary(tag));
    if (it == tags_.end()) return std::nullopt;
    return at(*it->second.begin());
}

void ledger::set_policy(policy p) {
    if (p == by()) return;
    eviction_order order(p);
    for (slot s = by_age_.front(); s != no_slot; s = age_links_[s].after)
        order.add(s, std::uint64_t(nodes_[s].key));
    order_ = std::move(order);
}

std::uint64_t ledger::scan(std::uint64_t cursor, std::size_t looks,
                           std::vector<key_hash>& keys) const {
    for (; cursor < used_slots_ && looks > 0; ++cursor, --looks)
        if (const node& n = nodes_[slot(cursor)]; n.id != 0) keys.push_back(n.key);
    return cursor < used_slots_ ? cursor : 0;
}

void ledger::give_back_memory(std::int64_t now_ms) {
    if (size() != 0) return;
    nodes_ = slots<node>();
    age_links_ = chain_links();
    by_age_ = chain();
    used_slots_ = 0;
    free_ = std::vector<slot>();
    index_ = id_index();
    wheel_ = timing_wheel(now_ms);
    order_ = eviction_order(by());
}

void ledger::forget_burials() {
    buried_before_ = std::exchange(buried_, {});
}

}  // namespace cache
