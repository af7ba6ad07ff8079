// The coordinator of a world of kv: one record, questions and answers that are late or lost.
#include <utility>

#include "kv_world.hpp"

using namespace kv;
using namespace std::chrono_literals;

namespace test {

bool kv_world::reaches_coordinator(std::size_t i) const {
    return is_coordinator_up_ && !cut_from_coordinator_.contains(i);
}

void kv_world::ask_coordinator(std::size_t i, std::function<void(std::size_t)> question) {
    if (!reaches_coordinator(i) || (!is_healed_ && random_.chance(weather_.loss))) return;
    // Some take very long.
    const time late = !is_healed_ && random_.chance(weather_.coordinator_late)
                          ? time(2'000'000'000 + random_.below(4'000'000'000))
                          : time(0);
    // Meanwhile those it is about may meet again, and think that all is well.
    if (late > time(0) && random_.chance(weather_.spite)) after(late / 3, [this] { cut_.clear(); });
    after(delay() + late, [this, i, question = std::move(question)] {
        if (is_coordinator_up_) question(i);
    });
}

void kv_world::change_record(std::size_t i, const store_id& writer, const record_change& c) {
    const std::uint64_t life = machines_[i].life;
    if (c.expected_rev == record_.rev) {
        check_change(writer, record_.record, c.target);
        if (!(c.target.primary == record_.record.primary) && writer == record_.record.primary)
            ++counts_.hand_overs;
        if (c.target.isr.size() > record_.record.isr.size()) ++counts_.joins;
        const shard_record before = record_.record;
        record_ = {c.target, record_.rev + 1};
        records_[c.target.epoch] = c.target;
        check_holders(committed_.size());
        // At the worst moment: it is done, and one of them does not hear of it.
        const store_id about[] = {writer, before.primary,
                                  before.isr[random_.below(before.isr.size())]};
        const auto other = node_of(about[random_.below(3)]);
        if (!is_healed_ && other && random_.chance(weather_.spite)) isolate(*other);
        for (std::size_t k = 0; k < machines_.size(); ++k)
            if (machines_[k].is_alive) tell_record(k, machines_[k].life, false);
    }
    // Who asked may be gone.
    if (machines_[i].store == writer) tell_record(i, life, false);
}

void kv_world::tell_record(std::size_t i, std::uint64_t life, bool is_read) {
    if (!reaches_coordinator(i) || (!is_healed_ && random_.chance(weather_.loss))) return;
    after(delay(), [this, i, life, is_read, known = record_] {
        input(i, life, [is_read, known](shard& s, const instant& at, outputs& out) {
            if (is_read)
                s.record_read(at, known, out);
            else
                s.record_changed(at, known, out);
        });
    });
}

std::vector<store_id> kv_world::planned() const {
    std::vector<store_id> stores;
    for (std::size_t i : plan_) stores.push_back(machines_[i].store);
    return stores;
}

void kv_world::tell_plan() {
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (!machines_[i].is_alive) continue;
        after(delay(), [this, i, life = machines_[i].life] {
            input(i, life, [this](shard& s, const instant& at, outputs& out) {
                s.plan_changed(at, planned(), out);
            });
        });
    }
}

}  // namespace test
