// A lock that costs its owner two plain stores and a load.
//
// A scheduler's run queues and timers are used by its own thread millions of times a second and by others
// (thieves, the monitor that hands a stuck scheduler over) a few hundred times. The owner announces itself with
// a plain store; others ask for the lock under a mutex, make the owner's stores visible with
// membarrier(2), and wait for it to leave. This saves the two locked instructions that an uncontended spin lock
// costs a dispatch (20 ns of a 100 ns round trip on the machine it was measured on).
//
// The rules (Dekker's, with the owner's fence moved to the other side):
//   owner: busy := 1; compiler fence; if revoked: busy := 0, take the mutex instead
//   other: take the mutex; revoked := 1; membarrier; wait until busy = 0
// Without the membarrier both could be inside; without the mutex two others could.
//
// A handed-over scheduler gets a new seat. The old seat stays revoked for ever, so its thread finds out
// the next time it tries to use the scheduler.
#pragma once

#include <atomic>
#include <mutex>

namespace beam::detail {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool asymmetric_fences = false;  // TSan does not know membarrier: use real fences
#else
inline constexpr bool asymmetric_fences = true;
#endif

/// Registers the process for membarrier; false (and plain fences are used) where the kernel has none.
bool membarrier_available() noexcept;
void heavy_fence() noexcept;

/// What one thread needs to own a lock.
struct alignas(64) lock_seat {
    std::atomic<bool> busy{false};
    std::atomic<bool> revoked{false};
};

class biased_lock {
public:
    explicit biased_lock(lock_seat* owner) : seat_(owner), fast_(membarrier_available()) {}

    /// By the owner's thread. False: `seat` owns the lock no more, and nothing is locked.
    bool lock_owner(lock_seat& seat) {
        if (asymmetric_fences && fast_) [[likely]] {
            seat.busy.store(true, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);
            if (!seat.revoked.load(std::memory_order_acquire)) [[likely]]
                return true;
        } else {
            seat.busy.store(true, std::memory_order_seq_cst);
            if (!seat.revoked.load(std::memory_order_seq_cst)) return true;
        }
        return lock_owner_slowly(seat);
    }
    void unlock_owner(lock_seat& seat) {
        if (by_mutex_) [[unlikely]] {
            unlock_owner_slowly();
            return;
        }
        seat.busy.store(false, std::memory_order_release);
    }

    /// By any other thread. Microseconds.
    void lock_other();
    void unlock_other();
    /// While locked by lock_other: from now on `next` owns the lock and the old owner is shut out.
    void hand_over(lock_seat* next);

private:
    bool lock_owner_slowly(lock_seat& seat);
    void unlock_owner_slowly();

    lock_seat* seat_;  // changed under the mutex only
    std::mutex mutex_;
    bool by_mutex_ = false;  // the owner is inside by the mutex; read and written by the owner only
    const bool fast_;
};

}  // namespace beam::detail
