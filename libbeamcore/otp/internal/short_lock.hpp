// short_lock: many readers or one writer, for as long as it takes to look at a table.
//
// Two locked instructions a turn, where std::shared_mutex takes four and a call. Nobody may wait, or call what might,
// while he holds it: others spin, and give their thread away after a while.
//
// The rules: a reader counts himself, and goes back if a writer is there; a writer marks himself, which lets no
// more readers in, and waits until those inside have gone. acquire pairs with release of the side before.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

namespace beam::detail {

class short_lock {
public:
    void lock_shared() noexcept {
        for (unsigned tries = 0; state_.fetch_add(reader, std::memory_order_acquire) & writer;) {
            state_.fetch_sub(reader, std::memory_order_relaxed);
            while (state_.load(std::memory_order_relaxed) & writer) pause(tries);
        }
    }
    void unlock_shared() noexcept { state_.fetch_sub(reader, std::memory_order_release); }

    void lock() noexcept {
        unsigned tries = 0;
        while (state_.fetch_or(writer, std::memory_order_acquire) & writer) pause(tries);
        while (state_.load(std::memory_order_acquire) != writer) pause(tries);
    }
    void unlock() noexcept { state_.fetch_sub(writer, std::memory_order_release); }

private:
    static constexpr std::uint32_t writer = 1, reader = 2;

    static void pause(unsigned& tries) noexcept {
        if (++tries < 64)
            __builtin_ia32_pause();
        else
            std::this_thread::yield();
    }

    std::atomic<std::uint32_t> state_{0};
};

}  // namespace beam::detail
