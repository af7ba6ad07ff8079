// A scheduler: run queues and timers that one worker thread at a time owns.
//
// The owner works under lock_owner (biased_lock.hpp). Other threads that have a process to run leave it in
// the inbox, without a lock; thieves and the monitor take the lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/internal/biased_lock.hpp"
#include "libbeamcore/runtime/internal/process_block.hpp"
#include "libbeamcore/runtime/internal/timer_wheel.hpp"

namespace beam::detail {

class worker;

class scheduler {
public:
    scheduler(unsigned index, lock_seat* owner) : lock(owner), index_(index) {}

    // Under the lock.
    void push(process_block* pb);
    /// max and high first; low once for every eight normal ones.
    process_block* pop();
    /// One of the runnable processes of the highest priority, chosen by `random` (deterministic mode).
    process_block* pop_any(random_generator& random);
    /// Moves what others left in the inbox to the queues.
    void absorb_inbox();
    /// Takes half of what waits here, for a thief; linked by run_next. `max` and `high` stay.
    process_block* give_half(std::uint32_t& count);

    // By any thread.
    void leave_in_inbox(process_block* pb);
    [[nodiscard]] bool has_inbox() const {
        return inbox_.load(std::memory_order_acquire) != nullptr;
    }
    /// How many wait; exact for the owner, a hint for others.
    [[nodiscard]] std::uint32_t length() const { return length_.load(std::memory_order_relaxed); }
    [[nodiscard]] unsigned index() const { return index_; }

    biased_lock lock;
    timer_wheel timers;
    /// Changed by the monitor under the lock; read by it alone.
    worker* owner = nullptr;

    /// Set by the monitor: what waits here has waited for long, even a single process may be taken.
    std::atomic<bool> wants_help{false};

    /// 1 when somebody wants this scheduler's thread to wake.
    std::atomic<std::uint32_t> wake_word{0};

private:
    struct queue {
        process_block* first = nullptr;
        process_block* last = nullptr;
        std::uint32_t size = 0;
        void push(process_block* pb) {
            pb->run_next = nullptr;
            (last ? last->run_next : first) = pb;
            last = pb;
            ++size;
        }
        process_block* pop() {
            process_block* pb = first;
            if (!pb) return nullptr;
            first = pb->run_next;
            if (!first) last = nullptr;
            --size;
            return pb;
        }
        process_block* take_at(std::uint32_t n);
    };
    queue& queue_of(priority p) { return queues_[std::size_t(p)]; }
    void count(std::int32_t by) {
        length_.store(std::uint32_t(std::int32_t(length()) + by), std::memory_order_relaxed);
    }

    queue queues_[4];
    std::uint32_t low_skipped_ = 0;
    std::atomic<std::uint32_t> length_{0};
    std::atomic<process_block*> inbox_{nullptr};
    const unsigned index_;
};

}  // namespace beam::detail
