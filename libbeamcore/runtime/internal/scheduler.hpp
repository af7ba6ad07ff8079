// A scheduler: run queues and timers that one worker thread at a time owns.
//
// The owner works under lock_owner (biased_lock.hpp). Other threads that have a process to run leave it in
// the inbox, without a lock; thieves and the monitor take the lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/internal/biased_lock.hpp"
#include "libbeamcore/runtime/internal/process_block.hpp"
#include "libbeamcore/runtime/internal/timer_wheel.hpp"

namespace beam::detail {

class worker;

constexpr std::uint8_t priority_bit(priority p) {
    return std::uint8_t(1u << unsigned(p));
}

class scheduler {
public:
    scheduler(unsigned index, lock_seat* owner) : lock(owner), index_(index) {}

    // Under the lock.
    void push(process_block* pb) {
        const auto p = pb->prio.load(std::memory_order_relaxed);
        queues_[p].push(pb);
        occupied_ |= std::uint8_t(1u << p);
        count(+1);
    }
    /// For a process that the running one has just woken: it runs next, while what it was sent is in the
    /// cache, and within the same turn (see worker::next). One a time; the one before goes to the queue.
    void push_next(process_block* pb) {
        if (pb->prio.load(std::memory_order_relaxed) != std::uint8_t(priority::normal))
            [[unlikely]] {
            push(pb);
            return;
        }
        if (process_block* before = std::exchange(next_, pb)) {
            queue_of(priority::normal).push(before);
            occupied_ |= normal_bit;
        }
        count(+1);
    }
    /// max and high first; low once for every eight normal ones. `next`: whether one of push_next may run
    /// before its time; whether it did afterwards.
    process_block* pop(bool& next) {
        if (length() == 0) {
            next = false;
            return nullptr;
        }
        if (next && next_ && !(occupied_ & urgent_bits)) [[likely]] {
            count(-1);
            return std::exchange(next_, nullptr);
        }
        next = false;
        return pop_queued();
    }
    /// One of the runnable processes of the highest priority, chosen by `random` (deterministic mode).
    process_block* pop_any(random_generator& random);
    /// Moves what others left in the inbox to the queues.
    void absorb_inbox();
    /// Takes half of what waits here, and at most so many that nobody waits long for the lock, for a thief;
    /// linked by run_next. `max` and `high` stay.
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

    /// Set by the owner: what runs here ends sooner than another scheduler could take it over.
    std::atomic<bool> short_lived{false};

    /// 1 when somebody wants this scheduler's thread to wake.
    std::atomic<std::uint32_t> wake_word{0};
    /// Its thread waits for news of descriptors, and is woken by idle_source::interrupt().
    std::atomic<bool> waits_for_news{false};

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
    static constexpr std::uint8_t normal_bit = priority_bit(priority::normal);
    static constexpr std::uint8_t urgent_bits =
        priority_bit(priority::high) | priority_bit(priority::max);

    process_block* pop_queued();
    static void fetch_ahead(const process_block* pb);
    void queue_next() {
        if (process_block* pb = std::exchange(next_, nullptr)) {
            queue_of(priority::normal).push(pb);
            occupied_ |= normal_bit;
        }
    }
    void note_empty(priority p) {
        if (!queue_of(p).first) occupied_ &= std::uint8_t(~priority_bit(p));
    }
    queue& queue_of(priority p) { return queues_[std::size_t(p)]; }
    void count(std::int32_t by) {
        length_.store(std::uint32_t(std::int32_t(length()) + by), std::memory_order_relaxed);
    }

    process_block* next_ = nullptr;
    std::uint8_t occupied_ = 0;  // a bit for each queue that is not empty
    queue queues_[4];
    std::uint32_t low_skipped_ = 0;
    std::atomic<std::uint32_t> length_{0};
    std::atomic<process_block*> inbox_{nullptr};
    const unsigned index_;
};

}  // namespace beam::detail
