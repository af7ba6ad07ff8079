// What happens in a world of kv: to cables, machines, disks, clocks, the coordinator and the plan.
#include <algorithm>
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
    plan_before_ = std::exchange(plan_, std::move(all));
    tell_plan();
}

void kv_world::crash_members() {
    const auto isr = record_.record.isr;
    for (const store_id& s : isr)
        if (const auto i = node_of(s); i && machines_[*i].is_alive) crash(*i);
}

/// An operator gives up all who are in sync, when none of them is there and their leases are over: whatever store he
/// names leads, with what it has.
void kv_world::recover() {
    for (const store_id& s : record_.record.isr) {
        const auto i = node_of(s);
        if (i && machines_[*i].is_alive) return;
    }
    const bool is_filled = filled_ && random_.chance(0.5);
    const machine& m = machines_[is_filled ? *filled_ : random_.below(machines_.size())];
    if (now_ < member_died_ + 3s || m.disk->unsynced() > 0) return;
    ++counts_.recovered;
    given_up_ = record_.record.epoch + 1 + random_.below(3);
    lead_anew(m, given_up_);
}

/// With what it has.
void kv_world::lead_anew(const machine& m, std::uint64_t epoch) {
    shard_record next = record_.record.next(m.store);
    next.epoch = epoch;
    next.isr = {m.store};
    record_ = {std::move(next), record_.rev + 1};
    records_[epoch] = record_.record;
    begin_era(m);
    for (std::size_t k = 0; k < machines_.size(); ++k)
        if (machines_[k].is_alive) tell_record(k, machines_[k].life, false);
}

/// The power goes, of one machine or of all.
void kv_world::stop_machines() {
    if (random_.chance(0.5)) return lose_late(random_.below(machines_.size()));
    for (std::size_t i = 0; i < machines_.size(); ++i) lose_late(i);
}

/// When each member of the set has lost what it acknowledged last, and all that is left is there, the most of it leads, or of what
/// another machine has.
void kv_world::succeed_lost() {
    if (is_ended_) return;
    after(time(random_.below(1'000'000'000)), [this] { succeed_lost(); });
    const auto last = [](const machine& m) { return m.shard->log().last(); };
    const machine* best = nullptr;
    const auto consider = [&](const machine& m) {
        if (!best || last(m) > last(*best)) best = &m;
    };
    const auto tells = [](const machine& m) {
        return m.is_alive && !m.is_paused && m.disk->unsynced() == 0;
    };
    for (const store_id& s : record_.record.isr) {
        const auto heir = std::find_if(machines_.begin(), machines_.end(),
                                       [&](const machine& m) { return m.lost.contains(s); });
        if (heir == machines_.end() || !tells(*heir)) return;
        consider(*heir);
    }
    for (const machine& m : machines_)
        if (tells(m) && last(m).epoch > record_.record.past_from) consider(m);
    ++counts_.succeeded;
    lead_anew(*best, record_.record.epoch + 1);
}

/// What is committed from now on is what that store has. Clients take other keys: what they knew of these may be lost.
void kv_world::begin_era(const machine& m) {
    for (std::size_t c = 0; c < clients_.size(); ++c)
        if (clients_[c].is_busy) finish(c, false);
    check_history();
    history_.clear();
    open_.clear();
    for (auto& key : keys_) key = key.substr(0, 1) + std::to_string(eras_ + 1);
    ++eras_;

    const kv_image& disk = m.disk->seen();
    base_data_ = disk.data;
    base_seq_ = disk.applied_seq;
    std::vector<const fact*> kept;
    const entry* last = disk.at(base_seq_);
    for (log_point p = last ? last->at : disk.base; p.seq > 0; p = kept.back()->before)
        kept.push_back(&facts_.at(p));
    committed_.clear();
    committed_at_.clear();
    committed_requests_.clear();
    changes_.clear();
    for (auto f = kept.rbegin(); f != kept.rend(); ++f) note_committed((*f)->what, (*f)->at);
}

void kv_world::act() {
    if (random_.chance(weather_.doom)) crash_members();
    if (weather_.outages > 0 && random_.chance(weather_.outages)) return stop_machines();
    if (weather_.fickle > 0 && random_.chance(weather_.fickle)) {
        plan_.swap(plan_before_);
        return tell_plan();
    }
    const auto what = random_.below(20);
    if (what < 6) return act_on_network();
    if (what < 13) return act_on_machine(random_.below(machines_.size()));
    if (what < 15) return act_on_plan();
    if (what < 16) is_coordinator_up_ = !is_coordinator_up_;
    if (what == 17 || random_.chance(3 * weather_.doom)) recover();
    // Else a while of peace.
}

}  // namespace test
