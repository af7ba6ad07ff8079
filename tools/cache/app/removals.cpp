#include "tools/cache/app/removals.hpp"

#include <utility>

namespace cache {

void removals::add(removal r) {
    const std::uint64_t number = added_++;
    if (ring_.size() < kept_) {
        number_of_.insert_or_assign(r.key, number);
        ring_.push_back(std::move(r));
        return;
    }
    removal& place = ring_[number % kept_];
    auto it = number_of_.find(place.key);
    if (it != number_of_.end() && it->second + kept_ == number) number_of_.erase(it);
    number_of_.insert_or_assign(r.key, number);
    place = std::move(r);
}

std::optional<removal> removals::last_of(key_hash key) const {
    auto it = number_of_.find(key);
    if (it == number_of_.end()) return std::nullopt;
    return ring_[it->second % kept_];
}

}  // namespace cache
