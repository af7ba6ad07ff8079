// A scheduler's timers: a hierarchical wheel (Varghese and Lauck, 1987), six levels of 64 slots.
//
// A tick is 65,536 ns. Setting, cancelling and firing cost the same with one timer or a million. The wheel
// is used under its scheduler's lock; but a timer may be cancelled or read from any thread without it:
// `state` decides by compare-and-swap who gets the timer, the one that fires or the one that cancels. A
// timer cancelled elsewhere is put on a list that the owner empties.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "libbeamcore/runtime/internal/page_source.hpp"
#include "libbeamcore/runtime/internal/zeroed_array.hpp"
#include "libbeamcore/runtime/server_ref.hpp"

namespace beam::detail {

struct signal;

/// One cache line. The target is a local process, or a name that is looked up when the timer fires.
struct alignas(64) timer_slot {
    enum : std::uint64_t { free = 0, armed = 1, fired = 2, cancelled = 3 };

    std::atomic<std::uint64_t> state{0};    // unique id << 2 | one of the above
    std::atomic<std::int64_t> deadline{0};  // ns on the runtime's clock
    timer_slot* next = nullptr;
    timer_slot* prev = nullptr;
    union {
        signal* payload = nullptr;  // while armed: the message; null: wake the target's receive
        timer_slot* cancel_next;    // on the list of those cancelled elsewhere
    };
    /// The target's id and serial, readable by any thread; 0 when it is a name.
    std::atomic<std::uint64_t> target{0};
    atom name{};
    std::uint32_t index = 0;
    std::uint8_t home = 0;  // the scheduler it belongs to
    std::uint8_t level = 0, place = 0;
    bool linked = false;
    bool wrapped = false;

    [[nodiscard]] pid target_pid() const {
        const std::uint64_t t = target.load(std::memory_order_relaxed);
        return {std::uint32_t(t), std::uint32_t(t >> 32), 0};
    }
    [[nodiscard]] std::uint64_t id() const { return state.load(std::memory_order_relaxed) >> 2; }
    /// Tries to move from armed to `to`; the winner owns the payload.
    bool claim(std::uint64_t unique, std::uint64_t to) {
        std::uint64_t expected = unique << 2 | armed;
        return state.compare_exchange_strong(expected, unique << 2 | to, std::memory_order_acq_rel,
                                             std::memory_order_relaxed);
    }
};
static_assert(sizeof(timer_slot) == 64);

class timer_wheel {
public:
    static constexpr int tick_bits = 16;

    timer_wheel();

    /// Takes a free slot and arms it. `unique` is the timer's id, never used before.
    timer_slot* arm(std::uint64_t unique, std::int64_t now, std::int64_t deadline,
                    const server_ref& target, signal* payload, bool wrapped);
    /// Frees a slot that was claimed, taking it out of the wheel if it is still there.
    void release(timer_slot* t);
    /// Takes out what is due, claimed as fired, linked by `next`, in order of time. Release each.
    timer_slot* expire(std::int64_t now);
    /// When something may be due; a lower bound. Nothing if there are no timers.
    [[nodiscard]] std::optional<std::int64_t> next_deadline() const;

    /// By any thread.
    [[nodiscard]] timer_slot* find(std::uint32_t index) const;
    void push_cancelled(timer_slot* t);
    [[nodiscard]] bool has_cancelled() const {
        return cancelled_.load(std::memory_order_relaxed) != nullptr;
    }
    void release_cancelled();

    /// At the end: everything still armed, claimed, linked by `next`.
    timer_slot* take_all();

    [[nodiscard]] std::uint64_t size() const { return count_.load(std::memory_order_relaxed); }

private:
    static constexpr int levels = 6, places = 64;
    static constexpr std::uint32_t chunk_size = 128, chunks_max = 1 << 18;

    void link(timer_slot* t, std::int64_t tick);
    void unlink(timer_slot* t);
    void cascade(int level);
    void skip_empty(std::int64_t limit);
    timer_slot* take_slot();

    std::int64_t current_ = 0;  // the next tick to look at
    bool started_ = false;
    std::uint64_t occupied_[levels] = {};
    timer_slot* heads_[levels][places] = {};
    std::atomic<std::uint64_t> count_{0};
    timer_slot* free_ = nullptr;
    std::uint32_t made_ = 0;
    page_source pages_;
    zeroed_array<std::atomic<timer_slot*>> chunks_;
    std::atomic<timer_slot*> cancelled_{nullptr};
    std::vector<timer_slot*> due_;  // of one tick, while it is put in order
};

}  // namespace beam::detail
