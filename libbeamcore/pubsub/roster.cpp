#include "libbeamcore/pubsub/detail/roster.hpp"

#include <utility>

#include "libbeamcore/base/hash.hpp"

namespace beam::tracker {

std::uint64_t roster::dot_hash(std::uint32_t origin, std::uint64_t counter) {
    return hash_combine(counter, origin);
}

std::uint64_t roster::key_hash(const term& topic, const term& key) {
    return hash_combine(topic.hash(), key.hash());
}

template <roster::slot_id roster::slot::*Next, roster::slot_id roster::slot::*Previous>
void roster::append(slot_list& list, slot_id id) {
    slot_at(id).*Next = none;
    slot_at(id).*Previous = list.last;
    (list.last == none ? list.first : slot_at(list.last).*Next) = id;
    list.last = id;
    ++list.count;
}

template <roster::slot_id roster::slot::*Next, roster::slot_id roster::slot::*Previous>
void roster::take_out(slot_list& list, slot_id id) {
    const slot_id next = slot_at(id).*Next, previous = slot_at(id).*Previous;
    (previous == none ? list.first : slot_at(previous).*Next) = next;
    (next == none ? list.last : slot_at(next).*Previous) = previous;
    --list.count;
}

template <roster::slot_id roster::slot::*Next>
void roster::unchain(slot_id& first, slot_id id) {
    slot_id* at = &first;
    while (*at != id) at = &(slot_at(*at).*Next);
    *at = slot_at(id).*Next;
}

std::uint32_t roster::add_origin() {
    origins_.emplace_back();
    return std::uint32_t(origins_.size() - 1);
}

void roster::rehash(std::size_t buckets) {
    by_dot_.assign(buckets, none);
    by_key_.assign(buckets, none);
    for (const auto& list : origins_) {
        for (slot_id i = list.first; i != none; i = slot_at(i).origin_next) {
            slot& s = slot_at(i);
            slot_id& dots = by_dot_[bucket(dot_hash(s.origin, s.what.counter))];
            s.dot_next = std::exchange(dots, i);
            slot_id& keys = by_key_[bucket(key_hash(s.what.topic, s.what.key))];
            s.key_next = std::exchange(keys, i);
        }
    }
}

roster::slot_id roster::take_slot() {
    ++used_;
    if (free_ != none) return std::exchange(free_, slot_at(free_).dot_next);
    if (fresh_ >> block_bits == blocks_.size())
        blocks_.push_back(std::make_unique<slot[]>(std::size_t(1) << block_bits));
    return fresh_++;
}

roster::slot_id roster::add(std::uint32_t origin, entry e) {
    constexpr std::size_t buckets_min = 64;
    if (used_ >= by_dot_.size()) rehash(by_dot_.empty() ? buckets_min : by_dot_.size() * 2);
    const slot_id id = take_slot();
    auto topic = topics_.try_emplace(e.topic).first;
    e.topic = topic->first;  // one copy of the text for all
    slot& s = slot_at(id);
    s.what = std::move(e);
    s.origin = origin;
    s.dot_next = std::exchange(by_dot_[bucket(dot_hash(origin, s.what.counter))], id);
    s.key_next = std::exchange(by_key_[bucket(key_hash(s.what.topic, s.what.key))], id);
    append<&slot::topic_next, &slot::topic_previous>(topic->second, id);
    append<&slot::origin_next, &slot::origin_previous>(origins_[origin], id);
    origins_[origin].digest ^= entry_hash(s.what);
    return id;
}

void roster::remove(slot_id id) {
    slot& s = slot_at(id);
    auto& origin = origins_[s.origin];
    origin.digest ^= entry_hash(s.what);
    unchain<&slot::dot_next>(by_dot_[bucket(dot_hash(s.origin, s.what.counter))], id);
    unchain<&slot::key_next>(by_key_[bucket(key_hash(s.what.topic, s.what.key))], id);
    take_out<&slot::origin_next, &slot::origin_previous>(origin, id);
    auto topic = topics_.find(s.what.topic);
    take_out<&slot::topic_next, &slot::topic_previous>(topic->second, id);
    s.what = entry{};
    if (topic->second.count == 0) topics_.erase(topic);
    s.dot_next = std::exchange(free_, id);
    if (--used_ > 0) return;
    blocks_.clear();
    by_dot_ = by_key_ = {};
    fresh_ = 0;
    free_ = none;
}

void roster::clear(std::uint32_t origin) {
    while (origins_[origin].first != none) remove(origins_[origin].first);
}

roster::slot_id roster::find(std::uint32_t origin, std::uint64_t counter) const {
    if (by_dot_.empty()) return none;
    slot_id i = by_dot_[bucket(dot_hash(origin, counter))];
    while (i != none && (slot_at(i).what.counter != counter || slot_at(i).origin != origin))
        i = slot_at(i).dot_next;
    return i;
}

}  // namespace beam::tracker
