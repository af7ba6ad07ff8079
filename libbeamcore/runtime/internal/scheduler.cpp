#include "libbeamcore/runtime/internal/scheduler.hpp"

#include <algorithm>

namespace beam::detail {

namespace {
constexpr std::uint32_t normal_before_low = 8;
}

void scheduler::push(process_block* pb) {
    queue_of(priority(pb->prio.load(std::memory_order_relaxed))).push(pb);
    count(+1);
}

process_block* scheduler::pop() {
    if (length() == 0) return nullptr;
    process_block* pb = queue_of(priority::max).pop();
    if (!pb) pb = queue_of(priority::high).pop();
    if (!pb) {
        queue& normal = queue_of(priority::normal);
        queue& low = queue_of(priority::low);
        if (low.first && (!normal.first || ++low_skipped_ >= normal_before_low)) {
            low_skipped_ = 0;
            pb = low.pop();
        } else {
            pb = normal.pop();
        }
    }
    count(-1);
    return pb;
}

process_block* scheduler::queue::take_at(std::uint32_t n) {
    if (n == 0) return pop();
    process_block* before = first;
    for (std::uint32_t i = 1; i < n; ++i) before = before->run_next;
    process_block* pb = before->run_next;
    before->run_next = pb->run_next;
    if (last == pb) last = before;
    --size;
    return pb;
}

process_block* scheduler::pop_any(random_generator& random) {
    for (auto p : {priority::max, priority::high}) {
        queue& q = queue_of(p);
        if (q.size == 0) continue;
        count(-1);
        return q.take_at(std::uint32_t(random.below(q.size)));
    }
    queue& normal = queue_of(priority::normal);
    queue& low = queue_of(priority::low);
    if (normal.size + low.size == 0) return nullptr;
    count(-1);
    const bool take_low =
        low.size > 0 && (normal.size == 0 || random.below(normal_before_low + 1) == 0);
    queue& q = take_low ? low : normal;
    return q.take_at(std::uint32_t(random.below(q.size)));
}

void scheduler::leave_in_inbox(process_block* pb) {
    process_block* head = inbox_.load(std::memory_order_relaxed);
    do {
        pb->run_next = head;
    } while (!inbox_.compare_exchange_weak(head, pb, std::memory_order_seq_cst,
                                           std::memory_order_relaxed));
}

void scheduler::absorb_inbox() {
    process_block* pb = inbox_.exchange(nullptr, std::memory_order_acquire);
    process_block* ordered = nullptr;
    while (pb) {
        process_block* next = pb->run_next;
        pb->run_next = ordered;
        ordered = pb;
        pb = next;
    }
    while (ordered) {
        process_block* next = ordered->run_next;
        push(ordered);
        ordered = next;
    }
}

process_block* scheduler::give_half(std::uint32_t& taken) {
    process_block* list = nullptr;
    taken = 0;
    for (auto p : {priority::normal, priority::low}) {
        queue& q = queue_of(p);
        for (std::uint32_t n = (q.size + 1) / 2; n > 0; --n) {
            process_block* pb = q.pop();
            pb->run_next = list;
            list = pb;
            ++taken;
        }
    }
    count(-std::int32_t(taken));
    return list;
}

}  // namespace beam::detail
