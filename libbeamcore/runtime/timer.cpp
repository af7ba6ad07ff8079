#include "libbeamcore/runtime/timer.hpp"

#include <time.h>

#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::timeout_message);
BEAM_DEFINE_DESCRIPTOR(beam::cancel_timer_message);

namespace beam {

namespace detail {

namespace {

// Words 2 to 4 of a timer's reference: its slot, its scheduler, and the mark.
constexpr std::uint32_t timer_mark = 0x74696D65;

ref timer_ref(std::uint64_t id, const timer_slot& t, unsigned scheduler) {
    ref r = ref_of(id);
    r.words[2] = t.index;
    r.words[3] = scheduler;
    r.words[4] = timer_mark;
    return r;
}

timer_slot* find_timer(runtime_impl& node, const ref& r) {
    if (r.words[4] != timer_mark || !r.is_local() || r.words[3] >= node.schedulers.size())
        return nullptr;
    return node.schedulers[r.words[3]]->timers.find(r.words[2]);
}

std::chrono::nanoseconds time_left(const runtime_impl& node, std::int64_t deadline) {
    return std::chrono::nanoseconds(std::max<std::int64_t>(0, deadline - node.quick_now()));
}

constexpr std::chrono::seconds rough_from{1};

std::int64_t rough_now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return std::int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/// How far the rough clock may be behind.
std::chrono::nanoseconds rough_error() {
    static const std::chrono::nanoseconds tick = [] {
        timespec t{};
        ::clock_getres(CLOCK_MONOTONIC_COARSE, &t);
        return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
    }();
    return tick;
}

}  // namespace

timer_slot* runtime_impl::arm_timer(std::chrono::nanoseconds after, const server_ref& to,
                                    const timer_content& what, std::uint64_t& id) {
    id = unique();
    // Nobody notices some milliseconds in the limit of a call or a receive of a second; all calls would
    // notice what the exact clock costs (37 ns to 8 on the machine it was measured on).
    const bool roughly = !what.type && !what.message && after >= rough_from && !stepper;
    const std::int64_t at = roughly ? rough_now() : quick_now();
    const std::int64_t from = roughly ? at + rough_error().count() : at;
    const std::int64_t deadline =
        after.count() > INT64_MAX - from ? INT64_MAX - (1 << 20) : from + after.count();
    worker* w = stepper ? stepper.get() : current_worker();
    if (w && &w->node == this && !w->detached.load(std::memory_order_relaxed) &&
        w->sched->lock.lock_owner(w->seat)) {
        timer_slot* t = w->sched->timers.arm(id, at, deadline, to, what);
        t->home = std::uint8_t(w->sched->index());
        w->sched->lock.unlock_owner(w->seat);
        return t;
    }
    // From a plain thread or a detached worker: any scheduler's wheel will do.
    scheduler& s = *schedulers[id % schedulers.size()];
    s.lock.lock_other();
    const auto next = s.timers.next_deadline();
    timer_slot* t = s.timers.arm(id, at, deadline, to, what);
    t->home = std::uint8_t(s.index());
    s.lock.unlock_other();
    if (next && *next <= deadline) return t;  // it will wake in time by itself
    if (idle_mask.load(std::memory_order_seq_cst) & (std::uint64_t{1} << s.index())) wake(s);
    return t;
}

std::optional<std::chrono::nanoseconds> runtime_impl::cancel(timer_slot* t, std::uint64_t id) {
    const std::int64_t deadline = t->deadline.load(std::memory_order_relaxed);
    if (!drop(t, id)) return {};
    return time_left(*this, deadline);
}

bool runtime_impl::drop(timer_slot* t, std::uint64_t id) {
    if (!t->claim(id, timer_slot::cancelled)) return false;
    t->drop_content();
    scheduler& home = *schedulers[t->home];
    worker* w = stepper ? stepper.get() : current_worker();
    if (w && &w->node == this && w->sched == &home &&
        !w->detached.load(std::memory_order_relaxed) && home.lock.lock_owner(w->seat)) {
        home.timers.release(t);
        home.lock.unlock_owner(w->seat);
    } else {
        home.timers.push_cancelled(t);
    }
    return true;
}

void runtime_impl::fire(timer_slot* t) {
    const std::uint64_t id = t->id();
    signal* message_sent = t->take_message();
    if (!message_sent) {
        auto* s = make_signal<wake_signal>(signal_kind::wake);
        s->timer = id;
        if (!deliver(t->target_pid(), s)) free_signal(s);
        return;
    }
    const auto name = t->target_name();
    const std::optional<pid> to = name ? names.find(*name) : std::optional(t->target_pid());
    if (!to) {
        destroy_message(message_sent);
        return;
    }
    if (t->wrapped) {
        timeout_message m{timer_ref(id, *t, t->home), message(message_sent)};
        message_sent = message::make(std::move(m)).release();
    }
    if (!deliver(*to, message_sent)) destroy_message(message_sent);
}

ref start_content_timer(std::chrono::nanoseconds after, const server_ref& to,
                        const timer_content& what) {
    if (after.count() < 0) {
        if (what.message) destroy_message(what.message);
        raise(atoms::badarg);
    }
    runtime_impl& node = *running_process()->node;
    std::uint64_t id = 0;
    timer_slot* t = node.arm_timer(after, to, what, id);
    return timer_ref(id, *t, t->home);
}

}  // namespace detail

using namespace detail;

std::optional<std::chrono::nanoseconds> cancel_timer(const ref& timer) {
    runtime_impl& node = *running_process()->node;
    timer_slot* t = find_timer(node, timer);
    if (!t) return {};
    // A timer whose target has died counts as cancelled with it.
    const pid target = t->target_pid();
    auto left = node.cancel(t, id_of(timer));
    return target.id != 0 && !node.find(target) ? std::nullopt : left;
}

void cancel_timer_async(const ref& timer, bool info) {
    cancel_timer_message m{timer, cancel_timer(timer)};
    if (info) send(current()->pid(), std::move(m));
}

std::optional<std::chrono::nanoseconds> read_timer(const ref& timer) {
    runtime_impl& node = *running_process()->node;
    timer_slot* t = find_timer(node, timer);
    if (!t) return {};
    const std::uint64_t armed = id_of(timer) << 2 | timer_slot::armed;
    if (t->state.load(std::memory_order_acquire) != armed) return {};
    const std::int64_t deadline = t->deadline.load(std::memory_order_relaxed);
    const std::uint64_t target = t->target.load(std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (t->state.load(std::memory_order_relaxed) != armed) return {};
    if (const pid p = timer_slot::pid_in(target); p.id != 0 && !node.find(p)) return {};
    return time_left(node, deadline);
}

std::chrono::nanoseconds monotonic_time() {
    return std::chrono::nanoseconds(current()->node->now());
}

}  // namespace beam
