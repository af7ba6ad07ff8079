#include "libbeamcore/runtime/internal/worker.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

#include "libbeamcore/runtime/internal/reclaim.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"

namespace beam::detail {

namespace {

constexpr int turns_between_polls = 16;  // a look at the clock costs a third of a message
// Looks before a thread sleeps, some 30 us: longer than between_wakes. A thread whose sleeps are longer than that looks
// fewer times, since what comes then comes later anyhow, and on a busy machine each look is taken from somebody: from those that wait
// for a disk, for example (7 % more durable writes a second over three nodes on two cores). One short sleep, and it looks on.
constexpr int looks_max = 64, looks_min = 8;
constexpr std::uint64_t short_sleep = 100'000;  // ticks: 30 to 50 us
// So many waiting processes are worth a theft at once; fewer only when they still wait after some looks (3 us).
// A theft stops both schedulers for as long as twenty messages take.
constexpr std::uint32_t many_waiting = 16;
constexpr int looks_before_few = 8;
// A scheduler does not wake another more often: who was woken looks around for longer than this.
constexpr std::uint64_t between_wakes = 50'000;  // ticks of the time stamp counter: 15 to 25 us
// A process that another scheduler takes over costs both some seven cache lines. One that lives for a shorter
// time is better left where it is (spawn_exit: 600 ns with such thefts, 230 without).
constexpr std::uint64_t short_life = 3000;       // ticks: 1 to 1.5 us
constexpr std::uint64_t long_pause = 3'000'000;  // ticks: 1 ms

// How much later than asked the kernel may wake a scheduler for its next timer; 50 us as it comes.
constexpr unsigned long timer_slack_ns = 1000;

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::optional<std::int64_t> for_ns) {
    timespec ts{};
    timespec* limit = nullptr;
    if (for_ns) {
        if (*for_ns <= 0) return;
        ts.tv_sec = *for_ns / 1'000'000'000;
        ts.tv_nsec = *for_ns % 1'000'000'000;
        limit = &ts;
    }
    ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, limit, nullptr, 0);
}

}  // namespace

constinit thread_local worker* this_worker __attribute__((tls_model("initial-exec"))) = nullptr;
constinit thread_local process_block* this_block __attribute__((tls_model("initial-exec"))) =
    nullptr;

process_block* current_or_null() noexcept {
    return this_block;
}

process_block* current() {
    if (!this_block)
        throw std::logic_error(
            "this needs a beamcore process: call it from one, or use runtime::spawn, send or "
            "execute");
    return this_block;
}

bool worker::run_body(process_block* pb) {
    pb->next_action = action::none;
    try {
        pb->body->run(self(pb));
    } catch (...) {
        if (!pb->exit_pending) {
            pb->exit_pending = true;
            pb->exit_reason = reason_of_current_exception();
        }
    }
    return pb->exit_pending || pb->root || pb->mailbox != nullptr;
}

// Runs the process's own code until it waits, yields or ends. True: it has more to do (or is to end, see
// exit_pending); false: it waits for a signal.
inline bool worker::run_code(process_block* pb) {
    if (!pb->root) return pb->body && run_body(pb);
    if (waiter* w = pb->wait) {
        if (!w->found && !w->ready(w, pb)) return false;
        pb->wait = nullptr;
    }
    do {
        pb->next_action = action::none;
        std::exchange(pb->resume, nullptr).resume();
    } while (pb->next_action == action::resume);
    switch (pb->next_action) {
        case action::wait:
            if (!pb->wait->ask_at_once) return false;
            return pb->wait->ready(pb->wait, pb);
        case action::yield:
            pb->reductions_left = 0;
            return true;
        case action::finished:
            if (!pb->in_waiting_work || pb->exit_pending) {
                if (!pb->exit_pending) {
                    pb->exit_pending = true;
                    pb->exit_reason = atoms::normal;
                }
                return true;
            }
            pb->in_waiting_work = false;
            std::exchange(pb->root, nullptr).destroy();
            return true;  // back to the body
        default:
            return true;  // entered other code
    }
}

// The commonest reason to run: a waiting process was given the one signal that it waits for. True: it can
// go on; nothing has been put in the mailbox.
inline bool worker::wake_directly(process_block* pb) {
    signal* s = pb->staged;
    waiter* w = pb->wait;
    if (!s || s->next) return false;
    if (!w)  // a body takes it by itself
        return pb->body && !pb->root && s->kind <= signal_kind::request;
    if (s->type != nullptr && s->type == w->type && s->kind == signal_kind::message && !w->found &&
        !pb->bounded.load(std::memory_order_relaxed)) {
        pb->handling.store(s->type, std::memory_order_relaxed);
    } else if (s->kind != signal_kind::reply || static_cast<reply_signal*>(s)->id != w->id) {
        return false;
    }
    w->found = s;
    pb->staged = nullptr;
    return true;
}

inline worker::turn_end worker::run_turn(process_block* pb) {
    const std::int32_t budget = pb->reductions_left;
    std::int32_t left = budget;
    // Before the process is given away its counters are brought up to date.
    auto charge = [&] {
        const auto used = std::uint64_t(left - pb->reductions_left) + 1;
        left = pb->reductions_left;
        pb->reductions.store(pb->reductions.load(std::memory_order_relaxed) + used,
                             std::memory_order_relaxed);
        reductions.store(reductions.load(std::memory_order_relaxed) + used,
                         std::memory_order_relaxed);
        slice_left_ = left - 1;
    };
    bool direct = wake_directly(pb) && !(pb->extra && pb->extra->suspended > 0);
    for (;;) {
        // One that exits in steps has been closed: it has no signals any more.
        if (!direct && !pb->exiting && has_signals(pb)) handle_signals(pb);
        direct = false;
        if (pb->exit_pending) [[unlikely]] {
            charge();
            return node.finish(pb, pb->exit_reason, true) ? turn_end::gone : turn_end::again;
        }
        const bool suspended = pb->extra && pb->extra->suspended > 0;
        if (!suspended && run_code(pb)) {
            if (pb->exit_pending) continue;
            if (pb->reductions_left <= 0) {
                charge();
                return turn_end::again;
            }
            continue;
        }
        if (pb->exit_pending) continue;
        charge();
        pb->status.store(suspended ? process_status::suspended : process_status::waiting,
                         std::memory_order_relaxed);
        std::uint64_t expected = pb->tag() | process_block::empty;
        if (pb->inbox.compare_exchange_strong(expected, pb->tag() | process_block::waiting,
                                              std::memory_order_release, std::memory_order_relaxed))
            return turn_end::waiting;  // whoever sends next owns it: not a word about pb from here
        pb->status.store(process_status::running, std::memory_order_relaxed);
    }
}

inline void worker::run_inline(process_block* pb) {
    current = pb;
    running.store(pb, std::memory_order_relaxed);
    turn.store(turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    this_block = pb;
    pb->status.store(process_status::running, std::memory_order_relaxed);
    pb->reductions_left = slice_left_;
    const turn_end end = run_turn(pb);
    this_block = nullptr;
    current = nullptr;
    turn.store(turn.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    if (end == turn_end::again) schedule(pb);
}

void worker::run(process_block* pb) {
    slice_left_ = 1 + int(node.random.below(reductions_a_turn));
    run_inline(pb);
}

// More than one process waits here: somebody idle could take some.
inline void worker::ask_for_help() {
    if (!(node.idle_mask.load(std::memory_order_relaxed) &
          node.active_mask.load(std::memory_order_relaxed)) ||
        sched->short_lived.load(std::memory_order_relaxed))
        return;
    const std::uint64_t now = __rdtsc();
    if (now - last_wake_ < between_wakes) return;
    last_wake_ = now;
    node.wake_somebody();
}

// Every few turns: how long the processes live that have run here since the last time.
inline void worker::judge_lives() {
    const std::uint64_t now = __rdtsc();
    const std::uint64_t ended = exited.load(std::memory_order_relaxed);
    const std::uint64_t lives = ended - judged_exits_;
    const std::uint64_t took = now - judged_at_;
    bool is_short = lives * 2 >= turns_between_polls && took < short_life * lives;
    const bool was_short = sched->short_lived.load(std::memory_order_relaxed);
    // A turn of the process that spawns them all lies in between: it proves nothing.
    if (was_short && !is_short && took < long_pause && !doubted_) {
        doubted_ = true;
        is_short = true;
    } else {
        doubted_ = false;
    }
    if (is_short != was_short) sched->short_lived.store(is_short, std::memory_order_relaxed);
    judged_at_ = now;
    judged_exits_ = ended;
}

inline void worker::hurry() {
    if (idle_source* news = node.news.load(std::memory_order_acquire)) news->hurry();
}

void worker::give_away(process_block* pb) {
    scheduler& first = *node.schedulers.front();
    first.leave_in_inbox(pb);
    if (sched->lock.lock_owner(seat)) {
        for (std::uint32_t n = 1; n > 0;) {
            process_block* list = sched->give_half(n);
            while (list) first.leave_in_inbox(std::exchange(list, list->run_next));
        }
        sched->lock.unlock_owner(seat);
    }
    const std::uint64_t bit = std::uint64_t{1} << first.index();
    if (node.idle_mask.fetch_and(~bit, std::memory_order_seq_cst) & bit) node.wake(first);
}

// The next process to run; waits for one. Null when this worker is to end.
process_block* worker::next() {
    for (int looks = 0;;) {
        if (!sched->lock.lock_owner(seat)) {
            detached.store(true);
            return nullptr;
        }
        if (sched->has_inbox()) sched->absorb_inbox();
        const bool used_up = slice_left_ <= 0;
        bool woken_by_last = !used_up;
        process_block* pb = sched->pop(woken_by_last);
        if (!woken_by_last) slice_left_ = reductions_a_turn;
        const bool more = sched->length() > 1;
        sched->lock.unlock_owner(seat);
        if (used_up) [[unlikely]]
            hurry();
        if (--until_poll_ <= 0 || !pb) {
            if (pb) {
                judge_lives();
                hurry();
            }
            until_poll_ = turns_between_polls;
            if (sched->timers.size() != 0) poll_timers();
            if (pb && node.rests(*sched)) [[unlikely]] {
                give_away(pb);
                continue;
            }
        }
        if (pb) {
            if (more) ask_for_help();
            return pb;
        }
        if (sched->length() > 0) continue;  // a timer woke somebody
        ran_out.store(ran_out.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        const bool rests = node.rests(*sched);
        idle_source* const news = node.news.load(std::memory_order_acquire);
        if (news && rests && news->leave(this)) {
            node.wake_somebody();
            continue;
        }
        if (news && !rests && news->look(this)) {
            looks = 0;
            slice_left_ = reductions_a_turn;
            continue;
        }
        if (node.stopping.load(std::memory_order_acquire) && node.process_count() == 0)
            return nullptr;
        if (!rests) {
            if (process_block* stolen = steal(looks >= looks_before_few ? 2 : many_waiting)) {
                slice_left_ = reductions_a_turn;
                return stolen;
            }
        }
        if (!rests && ++looks < looks_before_sleep_) {
            for (int i = 0; i < 20; ++i) __builtin_ia32_pause();
            continue;
        }
        looks = 0;
        const std::uint64_t before = __rdtsc();
        park();
        const bool was_short = __rdtsc() - before < short_sleep;
        looks_before_sleep_ = was_short ? looks_max : std::max(looks_min, looks_before_sleep_ / 2);
    }
}

void worker::start() {
    thread = std::thread([this] { main(); });
}

void worker::main() {
    this_worker = this;
    thread_id.store(int(::syscall(SYS_gettid)));
    clockid_t clock = -1;
    if (pthread_getcpuclockid(pthread_self(), &clock) == 0) cpu_clock.store(clock);
    const std::string name = "beam-" + std::to_string(sched->index());
    pthread_setname_np(pthread_self(), name.c_str());
    ::prctl(PR_SET_TIMERSLACK, timer_slack_ns);
    while (process_block* pb = next()) run_inline(pb);
    this_worker = nullptr;
    node.processes.flush(slots);
    if (detached.load()) node.hogs.worker_retired();
    ended.store(true, std::memory_order_release);
}

process_block* worker::steal(std::uint32_t worth) {
    for (auto& other : node.schedulers) {
        if (other.get() == sched) continue;
        // A single one its owner will run at once; two that talk to each other must not be torn apart.
        const bool stuck = other->wants_help.load(std::memory_order_relaxed);
        if (stuck) other->wants_help.store(false, std::memory_order_relaxed);
        if (!stuck && other->short_lived.load(std::memory_order_relaxed)) continue;
        if (other->length() < worth && !(stuck && (other->length() > 0 || other->has_inbox())))
            continue;
        std::uint32_t count = 0;
        other->lock.lock_other();
        if (other->has_inbox()) other->absorb_inbox();
        process_block* list = other->give_half(count);
        other->lock.unlock_other();
        if (!list) continue;
        // give_half gives them last first.
        process_block* first = nullptr;
        if (!sched->lock.lock_owner(seat)) {
            while (list) other->leave_in_inbox(std::exchange(list, list->run_next));
            return nullptr;
        }
        while (list) {
            process_block* pb = std::exchange(list, list->run_next);
            if (!list)
                first = pb;
            else
                sched->push(pb);
        }
        sched->lock.unlock_owner(seat);
        return first;
    }
    return nullptr;
}

void worker::park() {
    reclaim_when_idle();
    scheduler& s = *sched;
    const std::uint64_t bit = std::uint64_t{1} << s.index();
    s.wake_word.store(0, std::memory_order_relaxed);
    // Says "idle" before the last look: who leaves work afterwards sees the bit and wakes us.
    node.idle_mask.fetch_or(bit, std::memory_order_seq_cst);
    // A thief may have moved the inbox to our queue and left a part of it there.
    bool work = s.length() > 0 || s.has_inbox() || s.timers.has_cancelled() || node.stopping.load();
    for (auto& other : node.schedulers) {
        if (other.get() == &s || node.rests(s)) continue;
        // As steal() judges. A wish for help that has nothing behind it any more, or work that is not worth
        // taking over, must not keep this thread awake: its owner, or the monitor, asks again.
        const bool waits = other->length() > 0 || other->has_inbox();
        const bool worth = other->length() > 1 && !other->short_lived.load();
        if (worth || (waits && other->wants_help.load())) work = true;
    }
    if (!work) {
        std::optional<std::int64_t> wait;
        if (!s.lock.lock_owner(seat)) {
            node.idle_mask.fetch_and(~bit);
            return;
        }
        if (auto deadline = s.timers.next_deadline()) wait = *deadline - node.now();
        s.lock.unlock_owner(seat);
        sleep(wait);
    }
    node.idle_mask.fetch_and(~bit, std::memory_order_seq_cst);
    node.hogs.notice_activity();
}

// Where news are waited for, if no other does; whoever wakes looks at waits_for_news after it has set the word, and here
// the word is looked at after the former was set: one sees the other.
void worker::sleep(std::optional<std::int64_t> at_most) {
    scheduler& s = *sched;
    if (idle_source* news = node.news.load(std::memory_order_acquire); news && !node.rests(s)) {
        s.waits_for_news.store(true, std::memory_order_seq_cst);
        const bool done = s.wake_word.load(std::memory_order_seq_cst) != 0 ||
                          news->wait(this, s.wake_word, at_most);
        s.waits_for_news.store(false, std::memory_order_seq_cst);
        if (done) return;
    }
    futex_wait(s.wake_word, 0, at_most);
}

void runtime_impl::wake(scheduler& s) {
    s.wake_word.store(1, std::memory_order_seq_cst);
    if (s.waits_for_news.load(std::memory_order_seq_cst)) {
        news.load(std::memory_order_acquire)->interrupt();
        return;
    }
    ::syscall(SYS_futex, &s.wake_word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void runtime_impl::wake_somebody() {
    while (const std::uint64_t mask = idle_and_active()) {
        const std::uint64_t bit = mask & (0 - mask);
        if (idle_mask.fetch_and(~bit, std::memory_order_seq_cst) & bit) {
            wake(*schedulers[std::size_t(std::countr_zero(bit))]);
            return;
        }
    }
}

void worker::schedule(process_block* pb) {
    pb->status.store(process_status::runnable, std::memory_order_relaxed);
    if (detached.load(std::memory_order_relaxed) || !sched->lock.lock_owner(seat)) {
        schedule_elsewhere(pb);
        return;
    }
    sched->push(pb);
    const bool more = sched->length() > 1;
    sched->lock.unlock_owner(seat);
    if (more) ask_for_help();
}

void worker::schedule_next(process_block* pb) {
    pb->status.store(process_status::runnable, std::memory_order_relaxed);
    if (detached.load(std::memory_order_relaxed) || !sched->lock.lock_owner(seat)) [[unlikely]] {
        schedule_elsewhere(pb);
        return;
    }
    sched->push_next(pb);
    const bool more = sched->length() > 1;
    sched->lock.unlock_owner(seat);
    if (more) ask_for_help();
}

void worker::schedule_elsewhere(process_block* pb) {
    detached.store(true);
    node.schedule(pb);
}

void runtime_impl::schedule(process_block* pb) {
    worker* w = this_worker;
    if (w && &w->node == this && !w->detached.load(std::memory_order_relaxed)) {
        w->schedule(pb);
        return;
    }
    if (stepper) {
        stepper->schedule(pb);
        return;
    }
    pb->status.store(process_status::runnable, std::memory_order_relaxed);
    // From outside: to an idle scheduler if there is one, else in turn; not to one that rests.
    const std::uint64_t active = active_mask.load(std::memory_order_relaxed);
    const std::uint64_t idle = idle_mask.load(std::memory_order_relaxed) & active;
    const unsigned n = std::min(unsigned(schedulers.size()), unsigned(std::popcount(active)));
    const unsigned target = idle ? unsigned(std::countr_zero(idle))
                                 : next_target_.fetch_add(1, std::memory_order_relaxed) % n;
    scheduler& s = *schedulers[target];
    s.leave_in_inbox(pb);
    const std::uint64_t bit = std::uint64_t{1} << target;
    if (idle_mask.load(std::memory_order_seq_cst) & bit) {
        idle_mask.fetch_and(~bit, std::memory_order_seq_cst);
        wake(s);
    }
}

void worker::poll_timers() {
    if (!sched->lock.lock_owner(seat)) return;
    if (sched->timers.has_cancelled()) sched->timers.release_cancelled();
    // The quick clock, by which timers are set, may have been behind: none fires early.
    const std::int64_t behind = node.stepper ? 0 : quick_clock::error_ns;
    timer_slot* due = sched->timers.expire(node.now() - behind);
    sched->lock.unlock_owner(seat);
    while (due) {
        timer_slot* t = std::exchange(due, due->next);
        node.fire(t);
        // Fired by us and in no list: release needs the scheduler's lock alone.
        scheduler& home = *sched;
        if (home.lock.lock_owner(seat)) {
            home.timers.release(t);
            home.lock.unlock_owner(seat);
        } else {
            home.timers.push_cancelled(t);
        }
    }
}

}  // namespace beam::detail
