// What a runtime consists of.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/detail/idle_source.hpp"
#include "libbeamcore/runtime/internal/dirty_pool.hpp"
#include "libbeamcore/runtime/internal/group_table.hpp"
#include "libbeamcore/runtime/internal/hog_watch.hpp"
#include "libbeamcore/runtime/internal/node_watch.hpp"
#include "libbeamcore/runtime/internal/process_table.hpp"
#include "libbeamcore/runtime/internal/quick_clock.hpp"
#include "libbeamcore/runtime/internal/scheduler.hpp"
#include "libbeamcore/runtime/internal/worker.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/system_monitor.hpp"

namespace beam::detail {

/// Local names. A process has at most one.
class name_table {
public:
    enum class outcome { ok, taken, has_name };
    outcome add(atom name, pid p);
    bool remove(atom name, pid* owner = nullptr);
    /// Removes the name if it is `p`'s.
    void forget(atom name, pid p);
    [[nodiscard]] std::optional<pid> find(atom name) const;
    [[nodiscard]] std::optional<atom> name_of(pid p) const;
    [[nodiscard]] std::vector<atom> all() const;

private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<atom, pid> names_;
    std::unordered_map<pid, atom> owners_;
};

/// What processes call themselves (set_label): few do.
class label_table {
public:
    void set(pid p, term label);
    void forget(pid p);
    /// `undefined` for one without.
    [[nodiscard]] term of(pid p) const;

private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<pid, term> labels_;
};

/// Runs `change` in `p`'s own context, so that its exit cannot overtake it: at once for the caller, by
/// signal for another. False if it is dead.
bool in_process(pid p, callback<void(process_block*)> change);

/// Who gets system events, and when each process was reported last.
struct event_watch {
    std::mutex mutex;
    std::atomic<bool> active{false};
    std::atomic<std::uint32_t> long_message_queue{0};
    std::atomic<std::int64_t> long_schedule_ns{0};
    bool hog = false;
    pid receiver;
    struct last {
        std::int64_t at = 0;
        std::uint64_t suppressed = 0;
    };
    std::map<std::pair<pid, int>, last> reported;
};

/// An object of a layer above that belongs to this runtime (detail/local.hpp).
struct local_object {
    const void* key;
    void* object;
    void (*destroy)(void*) noexcept;
    local_object* next;
};

/// What a layer above does when a process ends that watch_end marked (detail/local.hpp).
struct end_hook {
    void (*call)(void* context, const pid& ended) noexcept;
    void* context;
    end_hook* next;
};

class runtime_impl {
public:
    runtime_impl(runtime* outer, const runtime_options& options);
    ~runtime_impl();

    [[nodiscard]] std::int64_t now() const;
    /// The same from the quick clock.
    [[nodiscard]] std::int64_t quick_now() const {
        return stepper ? virtual_now : quick_clock::now();
    }
    /// Unique in this runtime, for references, requests and timers. Never 0.
    std::uint64_t unique();

    /// Gives a signal to a process; false if it is dead, or of another node that nobody reaches (the signal is then the
    /// caller's still).
    bool deliver(const pid& to, signal* s) {
        return push(to, s, [this](process_block* pb) { schedule_woken(pb); });
    }
    /// The same for what a death tells others: who is woken waits its turn, since many may die together, and
    /// takes then all that has come (hub_death: 25 ms if it ran at once, 22 so).
    bool deliver_in_turn(const pid& to, signal* s) {
        return push(to, s, [this](process_block* pb) { schedule(pb); });
    }
    /// Gives a signal for another node to the carrier; false if there is none.
    bool carry(const pid& to, signal* s) noexcept;
    /// This node's name.
    [[nodiscard]] atom name() const noexcept {
        return atom::at(self_name.load(std::memory_order_relaxed));
    }
    /// Puts a process that became runnable where it will be run.
    void schedule(process_block* pb);
    /// As schedule, for one that a signal has woken.
    void schedule_woken(process_block* pb) {
        worker* w = this_worker;
        if (w && &w->node == this) [[likely]]
            w->schedule_next(pb);
        else
            schedule(pb);
    }
    /// Wakes a parked scheduler if there is one.
    void wake_somebody();
    void wake(scheduler& s);

    /// Ends the running, or a never run, process: see exit.cpp. False, in steps only: there is more to do, call
    /// again in another turn.
    bool finish(process_block* pb, term reason, bool in_steps = false) noexcept;

    /// The living block of `p`, if any. The process may die at any moment.
    [[nodiscard]] process_block* find(const pid& p) const;

    void add_exit_watch(const pid& p, callback<void(const term&)> hook);
    /// `stack`: code addresses, named if the event is not left out.
    void report(system_event event, const std::vector<const void*>& stack = {});

    timer_slot* arm_timer(std::chrono::nanoseconds after, const server_ref& to,
                          const timer_content& what, std::uint64_t& id);
    /// The time that was left; nothing if it had fired or was cancelled before.
    std::optional<std::chrono::nanoseconds> cancel(timer_slot* t, std::uint64_t id);
    /// The same without a look at the clock. False: it had fired or was cancelled before.
    bool drop(timer_slot* t, std::uint64_t id);
    void fire(timer_slot* t);
    /// A bound mailbox that is full and whose policy is to reject; a guess from another thread.
    [[nodiscard]] bool refuses(const process_block* pb) const;

    [[nodiscard]] std::uint32_t process_count() const;

    runtime* outer;
    runtime_options options;
    const std::int64_t started_at;
    process_table processes;
    name_table names;
    label_table labels;
    group_table groups{*outer};
    event_watch events;
    std::vector<std::unique_ptr<scheduler>> schedulers;
    std::atomic<std::uint64_t> idle_mask{0};
    /// Who takes work; the others rest (core_share.hpp). The first always does.
    std::atomic<std::uint64_t> active_mask{~std::uint64_t{0}};
    [[nodiscard]] bool rests(const scheduler& s) const noexcept {
        return !(active_mask.load(std::memory_order_relaxed) >> s.index() & 1);
    }
    [[nodiscard]] std::uint64_t idle_and_active() const noexcept {
        return idle_mask.load(std::memory_order_seq_cst) &
               active_mask.load(std::memory_order_relaxed);
    }
    std::atomic<bool> stopping{false};
    std::atomic<idle_source*> news{nullptr};
    std::atomic<carrier*> remote{nullptr};
    std::atomic<std::uint32_t> self_name{atom(atoms::nonode_at_nohost).index()};
    std::atomic<std::uint32_t> self_creation{0};
    node_watch peers;
    std::atomic<std::uint64_t> messages_dropped{0};

    // Workers are kept until the end, for their counters; a retired one is joined at once.
    mutable std::mutex workers_mutex;
    std::vector<std::unique_ptr<worker>> workers;
    struct {
        std::uint64_t spawned = 0, exited = 0, reductions = 0;
    } retired;
    hog_watch hogs;
    std::unique_ptr<dirty_pool> dirty;

    // What plain threads spawn and end is counted together.
    std::mutex foreign_mutex;
    slot_cache foreign_slots;
    std::atomic<std::uint64_t> foreign_spawned{0}, foreign_exited{0};

    process_block* take_block();
    /// The block of that very pid; null if it is in use or not below options.first_pid.
    process_block* take_block_at(const pid& p);
    void give_back_block(process_block* pb);

    // Deterministic mode.
    std::int64_t virtual_now = 0;
    random_generator random;
    std::unique_ptr<worker> stepper;
    std::vector<callback<void()>> virtual_dirty;

    std::atomic<local_object*> locals{nullptr};
    std::atomic<end_hook*> end_hooks{nullptr};  // added under locals_mutex, kept to the end
    std::recursive_mutex locals_mutex;          // a maker may ask for another's

private:
    template <class Wake>
    bool push(const pid& to, signal* s, Wake wake) {
        if (to.node != 0) [[unlikely]]
            return carry(to, s);
        process_block* pb = processes.find(to.id);
        if (!pb) return false;
        const push_result r = push_signal(pb, to.serial, s);
        if (r == push_result::woken) wake(pb);
        return r != push_result::dead;
    }
    void begin_finish(process_block* pb, term reason) noexcept;
    void tell_end_hooks(process_block* pb) noexcept;

    std::atomic<std::uint64_t> next_unique_;
    std::atomic<unsigned> next_target_{0};
};

}  // namespace beam::detail
