// A worker: an OS thread that runs processes, normally with a scheduler of its own.
//
// When a process holds it too long, the monitor gives the scheduler to another worker (hog_watch.hpp). From
// then on this one is detached: it has no queue, what its process wakes goes to the others, and it ends
// when the process gives way.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "libbeamcore/runtime/internal/biased_lock.hpp"
#include "libbeamcore/runtime/internal/process_block.hpp"
#include "libbeamcore/runtime/internal/process_table.hpp"

namespace beam::detail {

class runtime_impl;
class scheduler;

class worker {
public:
    worker(runtime_impl& node, scheduler* s) : node(node), sched(s) {}

    void start();
    void main();

    /// Runs one process that is not in any queue for one turn, and puts it where it belongs.
    void run(process_block* pb);

    /// Makes a runnable process known to this worker's scheduler, or to another's when detached.
    void schedule(process_block* pb);
    /// As schedule, for one that the running process has woken (scheduler::push_next).
    void schedule_next(process_block* pb);

    /// Takes what timers are due and fires them.
    void poll_timers();

    runtime_impl& node;
    scheduler* sched;  // this thread's own idea; the lock tells whether it is still true
    lock_seat seat;
    process_block* current = nullptr;

    /// Odd while a process runs. Read by the monitor.
    std::atomic<std::uint64_t> turn{0};
    std::atomic<process_block*> running{nullptr};
    std::atomic<int> thread_id{0};
    std::atomic<clockid_t> cpu_clock{-1};  // of the thread, for the monitor
    std::atomic<bool> detached{false};
    std::atomic<bool> ended{false};
    std::atomic<std::uint64_t> spawned{0}, exited{0}, reductions{0};
    std::atomic<std::uint64_t> ran_out{0};  // how often it found nothing to run

    slot_cache slots;
    std::uint64_t unique_next = 0, unique_end = 0;
    std::thread thread;

private:
    enum class turn_end { waiting, again, gone };
    // The path of every message: inlined into main()'s loop.
    [[gnu::always_inline]] void run_inline(process_block* pb);
    [[gnu::always_inline]] turn_end run_turn(process_block* pb);
    [[gnu::always_inline]] bool run_code(process_block* pb);
    [[gnu::always_inline]] static bool wake_directly(process_block* pb);
    static bool run_body(process_block* pb);
    process_block* next();
    /// Takes half of what waits at a scheduler where at least `worth` processes do, or one is stuck.
    process_block* steal(std::uint32_t worth);
    void ask_for_help();
    /// One that rests: the process, and all that waits here, is for the first scheduler.
    void give_away(process_block* pb);
    void judge_lives();
    void hurry();
    void park();
    void sleep(std::optional<std::int64_t> at_most);

    void schedule_elsewhere(process_block* pb);

    int until_poll_ = 0;
    int looks_before_sleep_ = 8;
    std::uint64_t last_wake_ = 0;
    std::uint64_t judged_at_ = 0, judged_exits_ = 0;
    bool doubted_ = false;         // the last look would have said otherwise than the ones before
    std::int32_t slice_left_ = 0;  // of the turn that processes woken in it share
};

// Initial-exec: libbeamcore is loaded at program start, and these are read at every dispatch.
extern constinit thread_local worker* this_worker
    __attribute__((tls_model("initial-exec"), visibility("hidden")));
extern constinit thread_local process_block* this_block
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/// This thread's worker, or null.
inline worker* current_worker() noexcept {
    return this_worker;
}
inline void set_current_worker(worker* w) noexcept {
    this_worker = w;
}

/// The process running on this thread, or null; set by workers and init_scope.
inline void set_current(process_block* pb) noexcept {
    this_block = pb;
}
/// As current(), in libbeamcore.
inline process_block* running_process() {
    process_block* pb = this_block;
    return pb ? pb : current();
}

/// See signals.cpp. Both by the process itself.
void handle_signals(process_block* pb);

inline bool has_signals(const process_block* pb) {
    return pb->staged || (pb->inbox.load(std::memory_order_relaxed) &
                          process_block::pointer_mask) != process_block::empty;
}

/// If nothing waits but one signal that was handed over directly, and it is a message for a mailbox
/// without a bound: that one, which then need not pass through the mailbox.
inline signal* take_single(process_block* pb) {
    signal* s = pb->staged;
    if (!s || s->next || (s->kind != signal_kind::message && s->kind != signal_kind::request) ||
        pb->bounded.load(std::memory_order_relaxed))
        return nullptr;
    pb->staged = nullptr;
    pb->handling.store(s->type, std::memory_order_relaxed);
    return s;
}

/// Handles an exit signal; may set exit_pending.
void receive_exit(process_block* pb, const beam::pid& from, term reason, bool by_link);
signal* take_first_message(process_block* pb);
/// Unlinks the message at `*at` from the mailbox.
signal* take_message_at(process_block* pb, signal** at);
void append_message(process_block* pb, signal* s);

}  // namespace beam::detail
