// Waiting for a few instructions of another thread.
#pragma once

#include <thread>

namespace beam::detail::ets::ordered {

/// Spins, then lets other threads run: the one that is waited for may have lost its core.
class backoff {
public:
    void pause() noexcept {
        if (++rounds_ > spins_max) {
            std::this_thread::yield();
            return;
        }
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

private:
    static constexpr unsigned spins_max = 100;
    unsigned rounds_ = 0;
};

}  // namespace beam::detail::ets::ordered
