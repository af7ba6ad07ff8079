#include "libbeamcore/runtime/internal/scheduler.hpp"

#include <algorithm>

namespace beam::detail {

namespace {
constexpr std::uint32_t normal_before_low = 8;
constexpr std::uint32_t given_at_most = 64;  // 5 us
}  // namespace

// What waits in a long queue has not been touched for long: the memory of the next one, and the block of the one
// after it, are fetched while this one runs (hub_death: 92 ms without, 81 with).
inline void scheduler::fetch_ahead(const process_block* pb) {
    const process_block* next = pb->run_next;
    if (!next) return;
    __builtin_prefetch(next->root.address());
    if (next->body) __builtin_prefetch(next->body);
    if (next->extra) {
        __builtin_prefetch(next->extra);
        __builtin_prefetch(reinterpret_cast<const char*>(next->extra) + 64);
    }
    next->links.fetch_ahead();
    next->watched_by.fetch_ahead();
    __builtin_prefetch(next->staged);
    if (const auto* after = reinterpret_cast<const char*>(next->run_next))
        for (std::size_t at = 0; at < sizeof(process_block); at += 64)
            __builtin_prefetch(after + at);
}

process_block* scheduler::pop_queued() {
    queue_next();
    priority p = priority::normal;
    if (occupied_ != normal_bit) {
        if (occupied_ & priority_bit(priority::max))
            p = priority::max;
        else if (occupied_ & priority_bit(priority::high))
            p = priority::high;
        else if (!(occupied_ & normal_bit) || ++low_skipped_ >= normal_before_low)
            p = priority::low;
        if (p == priority::low) low_skipped_ = 0;
    }
    process_block* pb = queue_of(p).pop();
    if (pb) fetch_ahead(pb);
    note_empty(p);
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
    queue_next();
    if (occupied_ == 0) return nullptr;
    priority p = priority::normal;
    if (occupied_ & priority_bit(priority::max))
        p = priority::max;
    else if (occupied_ & priority_bit(priority::high))
        p = priority::high;
    else if (!(occupied_ & normal_bit))
        p = priority::low;
    else if ((occupied_ & priority_bit(priority::low)) && random.below(normal_before_low + 1) == 0)
        p = priority::low;
    queue& q = queue_of(p);
    process_block* pb = q.take_at(std::uint32_t(random.below(q.size)));
    note_empty(p);
    count(-1);
    return pb;
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
    if (length() == 1) queue_next();
    for (auto p : {priority::normal, priority::low}) {
        queue& q = queue_of(p);
        for (std::uint32_t n = (q.size + 1) / 2; n > 0 && taken < given_at_most; --n) {
            process_block* pb = q.pop();
            pb->run_next = list;
            list = pb;
            ++taken;
        }
        note_empty(p);
    }
    count(-std::int32_t(taken));
    return list;
}

}  // namespace beam::detail
