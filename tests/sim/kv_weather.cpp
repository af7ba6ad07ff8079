// What happens in a world of kv: to cables, machines, disks, clocks, the coordinator and the plan.
#include <utility>

#include "kv_world.hpp"

using namespace kv;
using namespace std::chrono_literals;

namespace test {

void kv_world::isolate(std::size_t i) {
    cut_from_coordinator_.insert(i);
    for (std::size_t k = 0; k < machines_.size(); ++k) {
        if (k == i) continue;
        cut_.emplace(i, k);
        cut_.emplace(k, i);
    }
}

void kv_world::act_on_network() {
    const std::size_t a = random_.below(machines_.size()), b = random_.below(machines_.size());
    switch (random_.below(5)) {
        case 0:  // All cables are whole.
            cut_.clear();
            cut_from_coordinator_.clear();
            return;
        case 1: {  // Two sides; the coordinator is on one.
            const std::uint64_t side = random_.below(std::uint64_t(1) << machines_.size());
            const bool coordinator = random_.chance(0.5);
            cut_.clear();
            cut_from_coordinator_.clear();
            for (std::size_t x = 0; x < machines_.size(); ++x) {
                if (((side >> x & 1U) == 1) != coordinator) cut_from_coordinator_.insert(x);
                for (std::size_t y = 0; y < machines_.size(); ++y)
                    if ((side >> x & 1U) != (side >> y & 1U)) cut_.emplace(x, y);
            }
            return;
        }
        case 2:
            if (cut_from_coordinator_.erase(a) == 0) cut_from_coordinator_.insert(a);
            return;
        default:
            if (a == b) return;
            if (cut_.erase({a, b}) == 0) cut_.emplace(a, b);
            if (random_.chance(0.6)) cut_.emplace(b, a);
    }
}

void kv_world::act_on_machine(std::size_t i) {
    machine& m = machines_[i];
    if (!m.is_alive) return start(i);
    if (m.is_paused) return resume(i);
    switch (random_.below(8)) {
        case 0:
            return wipe(i);
        case 1:
        case 2:
        case 3:
            m.is_paused = true;
            return;
        case 4:  // Again at once.
            crash(i);
            return start(i);
        default:
            return crash(i);
    }
}

void kv_world::act_on_plan() {
    std::vector<std::size_t> all(machines_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    for (std::size_t k = all.size(); k > 1; --k) std::swap(all[k - 1], all[random_.below(k)]);
    all.resize(weather_.copies);
    plan_ = all;
    tell_plan();
}

void kv_world::act() {
    const auto what = random_.below(20);
    if (what < 6) return act_on_network();
    if (what < 13) return act_on_machine(random_.below(machines_.size()));
    if (what < 15) return act_on_plan();
    if (what < 16) is_coordinator_up_ = !is_coordinator_up_;
    // Else a while of peace.
}

}  // namespace test
