#include "libbeamcore/runtime/internal/biased_lock.hpp"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace beam::detail {

bool membarrier_available() noexcept {
    static const bool yes =
        asymmetric_fences &&
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    return yes;
}

void heavy_fence() noexcept {
    if (membarrier_available())
        ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    else
        std::atomic_thread_fence(std::memory_order_seq_cst);
}

void biased_lock::lock_other() {
    mutex_.lock();
    seat_->revoked.store(true, std::memory_order_seq_cst);
    if (fast_) heavy_fence();
    // The owner is inside for some tens of instructions, unless it was descheduled there.
    for (int spins = 0; seat_->busy.load(std::memory_order_seq_cst); ++spins)
        if (spins > 200) sched_yield();
}

void biased_lock::unlock_other() {
    seat_->revoked.store(false, std::memory_order_release);
    mutex_.unlock();
}

void biased_lock::hand_over(lock_seat* next) {
    next->revoked.store(true, std::memory_order_relaxed);  // until unlock_other
    seat_ = next;
}

bool biased_lock::lock_owner_slowly(lock_seat& seat) {
    seat.busy.store(false, std::memory_order_seq_cst);
    mutex_.lock();
    if (seat_ != &seat) {
        mutex_.unlock();
        return false;
    }
    by_mutex_ = true;
    return true;
}

void biased_lock::unlock_owner_slowly() {
    by_mutex_ = false;
    mutex_.unlock();
}

}  // namespace beam::detail
