#include "tools/cache/app/eviction_order.hpp"

#include <algorithm>

namespace cache {

namespace {
constexpr std::size_t window_part = 100;  // a hundredth of all is the window
constexpr std::size_t kept_percent = 80;  // of the rest
}  // namespace

void eviction_order::add(slot s, std::uint64_t hash) {
    places_.cover(s);
    links_.cover(s);
    places_[s] = {hash, where::fresh};
    fresh_.push_back(links_, s);
    if (policy_ != policy::lfu) return;
    uses_.cover(size());
    uses_.count(hash);
    shrink_window();
}

void eviction_order::shrink_window() {
    while (fresh_.size() > std::max<std::size_t>(1, size() / window_part)) {
        candidate_ = fresh_.front();
        move(candidate_, where::tried);
    }
}

void eviction_order::move(slot s, where to) {
    chain_of(places_[s].in).erase(links_, s);
    places_[s].in = to;
    chain_of(to).push_back(links_, s);
}

void eviction_order::used(slot s) {
    place& p = places_[s];
    if (policy_ == policy::fifo) return;
    if (policy_ == policy::lfu) {
        uses_.count(p.hash);
        if (p.in == where::tried) {
            if (s == candidate_) candidate_ = no_slot;
            move(s, where::kept);
            const std::size_t main = tried_.size() + kept_.size();
            if (kept_.size() * 100 > main * kept_percent && kept_.size() > 1)
                move(kept_.front(), where::tried);
            return;
        }
    }
    chain_of(p.in).move_to_back(links_, s);
}

void eviction_order::remove(slot s) {
    place& p = places_[s];
    if (s == candidate_) candidate_ = no_slot;
    chain_of(p.in).erase(links_, s);
    p.in = where::none;
}

slot eviction_order::victim() {
    if (policy_ != policy::lfu) return fresh_.front();
    const slot oldest = tried_.front();
    if (oldest == no_slot) return kept_.empty() ? fresh_.front() : kept_.front();
    if (candidate_ == no_slot || candidate_ == oldest) return oldest;
    const bool wanted =
        uses_.estimate(places_[candidate_].hash) > uses_.estimate(places_[oldest].hash);
    return wanted ? oldest : candidate_;
}

}  // namespace cache
