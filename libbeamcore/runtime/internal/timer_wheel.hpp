// A scheduler's timers: a hierarchical wheel (Varghese and Lauck, 1987), six levels of 64 places.
//
// A tick is 65,536 ns. Setting, cancelling and firing cost the same with one timer or a million. The wheel
// is used under its scheduler's lock; but a timer may be cancelled or read from any thread without it:
// `state` decides by compare-and-swap who gets the timer, the one that fires or the one that cancels. A
// timer cancelled elsewhere is put on a list that the owner empties.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "libbeamcore/runtime/detail/timer_content.hpp"
#include "libbeamcore/runtime/internal/page_source.hpp"
#include "libbeamcore/runtime/internal/zeroed_array.hpp"
#include "libbeamcore/runtime/server_ref.hpp"

namespace beam::detail {

struct timer_group;

/// One cache line. The target is a local process, or a name that is looked up when the timer fires. What is
/// sent then is a message, or a small value of which the message is made then.
struct alignas(64) timer_slot {
    enum : std::uint64_t { free = 0, armed = 1, fired = 2, cancelled = 3 };
    enum class content : std::uint8_t { nothing, message, value };  // nothing: wake a receive

    std::atomic<std::uint64_t> state{0};    // unique id << 2 | one of the above
    std::atomic<std::int64_t> deadline{0};  // ns on the runtime's clock
    /// A pid's id and serial, or `named` and the name's index.
    std::atomic<std::uint64_t> target{0};
    std::atomic<const type_descriptor*> type{nullptr};  // of what is sent; readable by any thread
    union {
        signal* message = nullptr;
        std::byte value[timer_value_max];
        timer_slot* cancel_next;  // on the list of those cancelled elsewhere, without content
    };
    union {
        timer_group* group = nullptr;  // in the wheel
        timer_slot* next;              // in a list
    };
    std::uint32_t index = 0;
    std::uint8_t home = 0;      // the scheduler it belongs to
    std::uint8_t at = outside;  // its place in `group`
    content kind = content::nothing;
    bool wrapped = false;

    static constexpr std::uint8_t outside = 0xff;
    static constexpr std::uint32_t named = UINT32_MAX;  // no process has that id

    void aim(const server_ref& to) {
        // A process of another node is a target that never lives: it has id 0 here.
        std::uint64_t t = 0;
        if (to.is_name())
            t = std::uint64_t(to.name().index()) << 32 | named;
        else if (const pid p = to.resolve_or_none(); p.is_local())
            t = std::uint64_t(p.serial) << 32 | p.id;
        target.store(t, std::memory_order_relaxed);
    }
    [[nodiscard]] std::optional<atom> target_name() const {
        const std::uint64_t t = target.load(std::memory_order_relaxed);
        return std::uint32_t(t) == named ? std::optional(atom::at(std::uint32_t(t >> 32)))
                                         : std::nullopt;
    }
    /// Of a name: no process.
    [[nodiscard]] pid target_pid() const { return pid_in(target.load(std::memory_order_relaxed)); }
    static pid pid_in(std::uint64_t target) {
        if (std::uint32_t(target) == named) return {};
        return {std::uint32_t(target), std::uint32_t(target >> 32), 0};
    }
    [[nodiscard]] std::uint64_t id() const { return state.load(std::memory_order_relaxed) >> 2; }
    /// Tries to move from armed to `to`; the winner owns the content.
    bool claim(std::uint64_t unique, std::uint64_t to) {
        std::uint64_t expected = unique << 2 | armed;
        return state.compare_exchange_strong(expected, unique << 2 | to, std::memory_order_acq_rel,
                                             std::memory_order_relaxed);
    }

    // By who sets or has claimed it.
    void put(const timer_content& what);
    /// What is to be sent, as a message; null: a receive is to be woken.
    [[nodiscard]] signal* take_message();
    void drop_content();
};
static_assert(sizeof(timer_slot) == 64);

/// Some of the timers of one place of the wheel. A timer knows where it lies, so that taking it out touches
/// this and nothing else; in a list of all, linked both ways, two neighbours would be written to, which among a
/// million need not be in the cache. (timer_set 76 to 70 ns, together with values in the slots.)
struct alignas(64) timer_group {
    static constexpr int room = 13;
    static constexpr std::uint32_t all = (1u << room) - 1;

    timer_group* next = nullptr;
    timer_group* prev = nullptr;
    std::uint32_t used = 0;  // a bit for each
    std::uint8_t level = 0, place = 0;
    timer_slot* slots[room] = {};
};
static_assert(sizeof(timer_group) == 128);

class timer_wheel {
public:
    static constexpr int tick_bits = 16;

    timer_wheel();

    /// Takes a free slot and arms it. `unique` is the timer's id, never used before.
    timer_slot* arm(std::uint64_t unique, std::int64_t now, std::int64_t deadline,
                    const server_ref& target, const timer_content& what);
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
    timer_group* add_group(int level, int place);
    void give_back(timer_group* g);
    /// Empties a place: `take` gets each of its timers, which are in no group any more.
    template <class F>
    void empty(int level, int place, F take);
    void cascade(int level);
    void skip_empty(std::int64_t limit);
    timer_slot* take_slot();

    std::int64_t current_ = 0;  // the next tick to look at
    bool started_ = false;
    std::uint64_t occupied_[levels] = {};
    timer_group* heads_[levels][places] = {};  // of these the first alone gets more timers
    std::atomic<std::uint64_t> count_{0};
    timer_slot* free_ = nullptr;
    timer_group* free_groups_ = nullptr;
    std::uint32_t made_ = 0;
    page_source pages_;
    zeroed_array<std::atomic<timer_slot*>> chunks_;
    std::atomic<timer_slot*> cancelled_{nullptr};
    std::vector<timer_slot*> due_;  // of one tick, while it is put in order
};

}  // namespace beam::detail
