#include "libbeamcore/runtime/internal/hog_watch.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/thread_stack.hpp"

namespace beam::detail {

namespace {

constexpr std::int64_t tick_ns = 1'000'000;
// Each is a wake-up more after whatever a node that is idle wakes for, and with 20 they were a quarter of its time (kv's nodes:
// eight times a second for each other). Each sleep costs who ends it a wake-up of this thread.
constexpr int quiet_ticks_before_sleep = 5;

// The thread cannot be raised again without privileges, which is why a worker that was stuck ends.
void lower_priority(int thread_id) {
    // Nice 19 rather than SCHED_IDLE: on a machine that others keep busy it still gets five times as much.
    sched_param p{};
    if (::setpriority(PRIO_PROCESS, id_t(thread_id), 19) != 0)
        ::sched_setscheduler(thread_id, SCHED_IDLE, &p);
}

// A thread that the kernel has not let run is no hog.
std::int64_t cpu_time_of(const worker& w) {
    const clockid_t clock = w.cpu_clock.load(std::memory_order_relaxed);
    timespec t{};
    if (clock == -1 || ::clock_gettime(clock, &t) != 0) return 0;
    return std::int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

constexpr int blocked_factor = 10;

// Meanwhile no other hog is found.
constexpr std::chrono::milliseconds stack_patience{30};

}  // namespace

void hog_watch::start() {
    seen_.resize(node_.schedulers.size());
    read_before_.resize(node_.schedulers.size());
    if (node_.schedulers.size() > 1) share_.emplace(unsigned(node_.schedulers.size()));
    thread_ = std::thread([this] { main(); });
}

void hog_watch::stop() {
    if (!thread_.joinable()) return;
    wake();
    thread_.join();
}

void hog_watch::wake() {
    wake_word_.store(1, std::memory_order_seq_cst);
    ::syscall(SYS_futex, &wake_word_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

void hog_watch::main() {
    pthread_setname_np(pthread_self(), "beam-watch");
    int quiet = 0;
    while (!node_.stopping.load(std::memory_order_acquire) || node_.process_count() > 0) {
        timespec tick{0, tick_ns};
        ::nanosleep(&tick, nullptr);
        share_cores(node_.now());
        const bool attended = news_are_attended();
        quiet = look(node_.now()) || !attended ? 0 : quiet + 1;
        if (quiet < quiet_ticks_before_sleep) continue;
        quiet = 0;
        wake_word_.store(0, std::memory_order_relaxed);
        asleep_.store(true, std::memory_order_seq_cst);
        if (!look(node_.now()) && !node_.stopping.load())
            ::syscall(SYS_futex, &wake_word_, FUTEX_WAIT_PRIVATE, 0, nullptr, nullptr, 0);
        asleep_.store(false, std::memory_order_seq_cst);
    }
}

// Descriptors are polled by schedulers that have nothing else to do. While all are busy, or the one that did it is stuck,
// it is done here.
bool hog_watch::news_are_attended() {
    idle_source* news = node_.news.load(std::memory_order_acquire);
    if (!news || news->is_attended()) return true;
    node_.wake_somebody();
    return false;
}

// True if anything runs.
bool hog_watch::look(std::int64_t now) {
    const std::uint64_t all = node_.schedulers.size() == 64
                                  ? ~std::uint64_t{0}
                                  : (std::uint64_t{1} << node_.schedulers.size()) - 1;
    const std::uint64_t idle = node_.idle_mask.load(std::memory_order_seq_cst);
    for (auto& s : node_.schedulers) look_at(*s, seen_[s->index()], now);
    join_ended();
    return (idle & all) != all;
}

void hog_watch::look_at(scheduler& s, seen& last, std::int64_t now) {
    worker& w = *s.owner;
    const std::uint64_t turn = w.turn.load(std::memory_order_acquire);
    if (turn != last.turn) {
        last = {turn, now, 0, false, false};
        return;
    }
    if (turn % 2 == 0) return;
    if (last.cpu_since == 0) last.cpu_since = cpu_time_of(w);
    const std::int64_t ran_for = now - last.since;
    const std::int64_t cpu_time = cpu_time_of(w) - last.cpu_since;
    if ((s.length() > 0 || s.has_inbox()) && node_.idle_mask.load()) {
        // Not for one that only waits for a core.
        if (share_ && (cpu_time >= tick_ns || ran_for >= blocked_factor * tick_ns))
            set_active(share_->all_help(now));
        s.wants_help.store(true);
        node_.wake_somebody();
    }
    const bool is_computing = cpu_time * 4 >= ran_for;  // others may want the processor too
    const std::int64_t limit = node_.events.long_schedule_ns.load(std::memory_order_relaxed);
    if (limit > 0 && ran_for > limit && !last.long_reported) {
        last.long_reported = true;
        hog h;
        look_at_hog(h, w, system_event::kind::long_schedule, ran_for, is_computing);
        report_hog(h);
    }
    const std::int64_t hog_after = std::chrono::nanoseconds(node_.options.hog_after).count();
    if (ran_for < hog_after) return;
    // The first look at its processor time was up to a tick after the turn was first seen.
    if (ran_for < hog_after * blocked_factor && cpu_time < hog_after - tick_ns) return;
    if (stuck() >= node_.options.hog_threads_max) {
        if (last.limit_reported) return;
        last.limit_reported = true;
        limit_hits_.fetch_add(1);
        hog h;
        look_at_hog(h, w, system_event::kind::hog_limit, ran_for, is_computing);
        report_hog(h);
        return;
    }
    hog h;
    look_at_hog(h, w, system_event::kind::hog, ran_for, is_computing);
    if (hand_over(s, turn)) last = {0, now, 0, false, false};
    report_hog(h);  // last: its answer, and naming the functions, take milliseconds
}

void hog_watch::share_cores(std::int64_t now) {
    // Each is read by a file: with many of them less often.
    const auto schedulers = std::int64_t(node_.schedulers.size());
    const std::int64_t wall = now - period_began_;
    const std::int64_t period = core_share::period_ns * (1 + schedulers / 8);
    if (!share_ || wall < period) return;
    period_began_ = now;
    // A node that only wakes now and then is not looked at.
    if (wall > 5 * period) {
        for (read_before& before : read_before_) before.thread_id = 0;
        return set_active(share_->begin_anew(now));
    }
    core_share::period p;
    p.wall = wall;
    p.all_ran_out = true;
    for (auto& s : node_.schedulers) {
        const worker& w = *s->owner;
        read_before& before = read_before_[s->index()];
        const int thread_id = w.thread_id.load(std::memory_order_relaxed);
        const auto times = core_times_of(thread_id);
        if (!times) {  // it has yet to begin, or the kernel does not tell
            before.thread_id = 0;
            continue;
        }
        const std::uint64_t ran_out = w.ran_out.load(std::memory_order_relaxed);
        // A thread that has just taken over has yet to show.
        if (before.thread_id == thread_id) {
            p.all.ran += times->ran - before.times.ran;
            p.all.waited += times->waited - before.times.waited;
            const bool is_idle = node_.idle_mask.load(std::memory_order_relaxed) >> s->index() & 1;
            if (ran_out == before.ran_out && !is_idle && !node_.rests(*s)) p.all_ran_out = false;
        }
        before = {thread_id, *times, ran_out};
    }
    set_active(share_->judge(p, now));
}

void hog_watch::set_active(unsigned count) {
    const std::uint64_t mask = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
    if (node_.active_mask.load(std::memory_order_relaxed) != mask)
        node_.active_mask.store(mask, std::memory_order_relaxed);
}

bool hog_watch::hand_over(scheduler& s, std::uint64_t turn) {
    auto fresh = std::make_unique<worker>(node_, &s);
    s.lock.lock_other();
    worker& stuck = *s.owner;
    // Its seat is shut: if it is still in that turn it cannot have used the scheduler since.
    if (stuck.turn.load(std::memory_order_seq_cst) != turn) {
        s.lock.unlock_other();
        return false;
    }
    stuck.detached.store(true);
    s.owner = fresh.get();
    s.lock.hand_over(&fresh->seat);
    stuck_.fetch_add(1);
    hand_overs_.fetch_add(1);
    s.lock.unlock_other();
    lower_priority(stuck.thread_id.load());
    std::lock_guard lock(node_.workers_mutex);  // before it counts anything
    node_.workers.push_back(std::move(fresh));
    node_.workers.back()->start();
    return true;
}

void hog_watch::look_at_hog(hog& h, const worker& w, system_event::kind kind, std::int64_t ran_for,
                            bool is_computing) const {
    system_event& e = h.event;
    if (!node_.events.active.load(std::memory_order_acquire)) return;
    process_block* pb = w.running.load(std::memory_order_relaxed);
    if (!pb) return;
    e.what = kind;
    e.pid = pb->pid();
    if (const type_descriptor* d = pb->handling.load(std::memory_order_relaxed)) e.doing = d->name;
    if (e.doing.empty())
        e.doing = atom::at(pb->initial_call.load(std::memory_order_relaxed)).name();
    if (auto name = node_.names.name_of(e.pid)) e.registered_name = name->name();
    e.ran_for = std::chrono::nanoseconds(ran_for);
    // One that sleeps in the kernel is let sleep: the signal would interrupt its system call.
    if (is_computing) h.stack.emplace(w.thread_id.load());
}

void hog_watch::report_hog(hog& h) {
    if (!h.event.pid) return;
    std::vector<const void*> stack;
    if (h.stack) stack = h.stack->answer(stack_patience);
    node_.report(std::move(h.event), stack);
}

// The counters of ended workers go to those of the first one, so that the list stays short.
void hog_watch::join_ended() {
    std::lock_guard lock(node_.workers_mutex);
    auto& all = node_.workers;
    for (std::size_t i = 1; i < all.size();) {
        worker& w = *all[i];
        if (!w.ended.load(std::memory_order_acquire) || !w.detached.load()) {
            ++i;
            continue;
        }
        w.thread.join();
        node_.retired.spawned += w.spawned.load();
        node_.retired.exited += w.exited.load();
        node_.retired.reductions += w.reductions.load();
        all.erase(all.begin() + std::ptrdiff_t(i));
    }
}

}  // namespace beam::detail
