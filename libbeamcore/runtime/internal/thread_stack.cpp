#include "libbeamcore/runtime/internal/thread_stack.hpp"

#include <execinfo.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace beam::detail {

namespace {

constexpr int frames_max = 64;
constexpr int frames_of_the_signal = 2;  // the handler's, and the one that the kernel made

// One for the OS process, and never freed: a thread may answer when nobody waits any more.
struct {
    std::atomic<int> wanted{0};              // of this thread
    std::atomic<std::uint32_t> answered{0};  // 1 when the frames are there
    int count = 0;
    void* frames[frames_max];
} looked;

void look_at_own_stack(int) {
    const int error = errno;
    int me = int(::syscall(SYS_gettid));
    if (looked.wanted.compare_exchange_strong(me, 0)) {
        looked.count = ::backtrace(looked.frames, frames_max);
        looked.answered.store(1, std::memory_order_release);
        ::syscall(SYS_futex, &looked.answered, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
    }
    errno = error;
}

bool handle_signal_once() {
    static const bool ours = [] {
        struct sigaction now {};
        if (::sigaction(SIGURG, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return false;
        void* frame = nullptr;
        (void)::backtrace(&frame, 1);  // the first call loads libgcc, which a handler may not
        now.sa_handler = &look_at_own_stack;
        now.sa_flags = SA_RESTART;
        return ::sigaction(SIGURG, &now, nullptr) == 0;
    }();
    return ours;
}

}  // namespace

stack_request::stack_request(int thread_id) {
    static std::mutex mutex;
    turn_ = std::unique_lock(mutex);
    if (!handle_signal_once()) return;
    looked.answered.store(0, std::memory_order_relaxed);
    looked.wanted.store(thread_id, std::memory_order_release);
    is_asked_ = ::syscall(SYS_tgkill, ::getpid(), thread_id, SIGURG) == 0;
}

stack_request::~stack_request() {
    if (is_asked_) (void)answer(std::chrono::milliseconds(0));
}

std::vector<const void*> stack_request::answer(std::chrono::milliseconds patience) {
    if (!std::exchange(is_asked_, false)) return {};
    if (patience.count() > 0) {
        const timespec limit{patience.count() / 1000, patience.count() % 1000 * 1'000'000};
        ::syscall(SYS_futex, &looked.answered, FUTEX_WAIT_PRIVATE, 0, &limit, nullptr, 0);
    }
    // It has begun to answer, and is done within microseconds; or it never will.
    if (looked.wanted.exchange(0) == 0)
        while (looked.answered.load(std::memory_order_acquire) == 0) ::usleep(100);
    if (looked.answered.load(std::memory_order_acquire) == 0) return {};
    const int first = std::min(frames_of_the_signal, looked.count);
    return std::vector<const void*>(looked.frames + first, looked.frames + looked.count);
}

}  // namespace beam::detail
