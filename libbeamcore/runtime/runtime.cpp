#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/detail/charge.hpp"

#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <stdexcept>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

namespace beam {

namespace detail {

namespace {

constexpr std::uint64_t unique_block = 1024;
constexpr unsigned schedulers_max = 64;

std::int64_t steady_now() {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return std::int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

unsigned scheduler_count(const runtime_options& o) {
    if (o.deterministic) return 1;
    const unsigned n = o.schedulers > 0 ? o.schedulers : std::thread::hardware_concurrency();
    return std::clamp(n, 1u, schedulers_max);
}

}  // namespace

runtime_impl::runtime_impl(runtime* o, const runtime_options& opts)
    : outer(o),
      options(opts),
      started_at(opts.deterministic ? 0 : steady_now()),
      processes(opts.processes_max, opts.first_pid),
      hogs(*this),
      random(opts.seed),
      next_unique_(std::max<std::uint64_t>(opts.first_unique, 1)) {
    const unsigned n = scheduler_count(opts);
    options.schedulers = n;
    for (unsigned i = 0; i < n; ++i) {
        auto w = std::make_unique<worker>(*this, nullptr);
        auto s = std::make_unique<scheduler>(i, &w->seat);
        w->sched = s.get();
        s->owner = w.get();
        schedulers.push_back(std::move(s));
        if (opts.deterministic)
            stepper = std::move(w);
        else
            workers.push_back(std::move(w));
    }
    if (opts.deterministic) return;
    dirty = std::make_unique<dirty_pool>(std::max(1u, opts.dirty_threads));
    for (auto& w : workers) w->start();
    hogs.start();
}

runtime_impl::~runtime_impl() {
    stopping.store(true);
    while (process_count() > 0) {
        for (const pid& p : outer->processes()) {
            auto* s = make_signal<exit_signal>(signal_kind::exit);
            s->reason = atoms::kill;
            if (!deliver(p, s)) free_signal(s);
        }
        if (stepper) {
            outer->run_until_idle();
        } else {
            for (auto& s : schedulers) wake(*s);
            timespec pause{0, 1'000'000};
            ::nanosleep(&pause, nullptr);
        }
    }
    dirty.reset();
    hogs.stop();
    for (auto& s : schedulers) wake(*s);
    for (auto& w : workers)
        while (w->thread.joinable()) {
            if (w->ended.load()) {
                w->thread.join();
                break;
            }
            wake(*w->sched);
            timespec pause{0, 100'000};
            ::nanosleep(&pause, nullptr);
        }
    for (auto& s : schedulers)
        for (timer_slot* t = s->timers.take_all(); t; t = t->next) t->drop_content();
    while (local_object* l = locals.load()) {  // made last, ended first; it may ask for the others
        locals.store(l->next);
        l->destroy(l->object);
        delete l;
    }
    while (end_hook* h = end_hooks.load()) {
        end_hooks.store(h->next);
        delete h;
    }
}

void set_idle_source(runtime& node, idle_source* source) {
    runtime_impl& r = node.impl();
    r.news.store(source, std::memory_order_release);
    r.wake_somebody();  // they sleep where no news are
}

std::int64_t runtime_impl::now() const {
    return stepper ? virtual_now : steady_now();
}

std::uint64_t runtime_impl::unique() {
    worker* w = stepper ? stepper.get() : current_worker();
    if (!w || &w->node != this) return next_unique_.fetch_add(1, std::memory_order_relaxed);
    if (w->unique_next == w->unique_end) {
        w->unique_next = next_unique_.fetch_add(unique_block, std::memory_order_relaxed);
        w->unique_end = w->unique_next + unique_block;
    }
    return w->unique_next++;
}

process_block* runtime_impl::take_block_at(const pid& p) {
    if (!p.is_local()) return nullptr;
    process_block* pb = processes.take_at(p.id, p.serial);
    if (pb) foreign_spawned.fetch_add(1, std::memory_order_relaxed);
    return pb;
}

process_block* runtime_impl::take_block() {
    worker* w = stepper ? stepper.get() : current_worker();
    if (w && &w->node == this) {
        process_block* pb = processes.take(w->slots);
        if (pb)
            w->spawned.store(w->spawned.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
        return pb;
    }
    std::lock_guard lock(foreign_mutex);
    process_block* pb = processes.take(foreign_slots);
    if (pb) foreign_spawned.fetch_add(1);
    return pb;
}

// From here the block may be anybody's.
void runtime_impl::give_back_block(process_block* pb) {
    const std::uint32_t serial = pb->serial.load(std::memory_order_relaxed) + 1;
    // Every process begins with what a new block has.
    pb->staged = nullptr;
    pb->trap_exit = pb->exit_pending = pb->exiting = pb->in_waiting_work = false;
    pb->bounded.store(false, std::memory_order_relaxed);
    pb->reject_at.store(0, std::memory_order_relaxed);
    pb->queue_len.store(0, std::memory_order_relaxed);
    pb->message_bytes.store(0, std::memory_order_relaxed);
    pb->reductions.store(0, std::memory_order_relaxed);
    pb->handling.store(nullptr, std::memory_order_relaxed);
    pb->initial_call.store(0, std::memory_order_relaxed);
    pb->parent.store(0, std::memory_order_relaxed);
    pb->awaited_timer = 0;
    pb->requests = nullptr;
    pb->serial.store(serial, std::memory_order_relaxed);
    pb->inbox.store(std::uint64_t(serial) << 48 | process_block::closed, std::memory_order_release);
    worker* w = stepper ? stepper.get() : current_worker();
    if (w && &w->node == this) {
        processes.give_back(w->slots, pb);
        w->exited.store(w->exited.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        return;
    }
    std::lock_guard lock(foreign_mutex);
    processes.give_back(foreign_slots, pb);
    foreign_exited.fetch_add(1);
}

std::uint32_t runtime_impl::process_count() const {
    std::uint64_t exited = foreign_exited.load();
    std::uint64_t spawned = 0;
    std::lock_guard lock(workers_mutex);
    // Ends first: a process spawned meanwhile is then counted as one too many, never as one too few.
    for (auto& w : workers) exited += w->exited.load(std::memory_order_acquire);
    if (stepper) exited += stepper->exited.load();
    exited += retired.exited;
    for (auto& w : workers) spawned += w->spawned.load(std::memory_order_acquire);
    if (stepper) spawned += stepper->spawned.load();
    spawned += retired.spawned + foreign_spawned.load();
    return std::uint32_t(spawned - exited);
}

process_block* runtime_impl::find(const pid& p) const {
    if (p.node != 0) return nullptr;
    process_block* pb = processes.find(p.id);
    if (!pb) return nullptr;
    const std::uint64_t word = pb->inbox.load(std::memory_order_acquire);
    if (pb->serial.load(std::memory_order_relaxed) != p.serial ||
        (word & process_block::pointer_mask) == process_block::closed)
        return nullptr;
    return pb;
}

bool runtime_impl::refuses(const process_block* pb) const {
    const std::uint32_t limit = pb->reject_at.load(std::memory_order_relaxed);
    return limit > 0 && pb->queue_len.load(std::memory_order_relaxed) >= limit;
}

void runtime_impl::add_exit_watch(const pid& p, callback<void(const term&)> hook) {
    auto* s = make_signal<system_signal>(signal_kind::system);
    auto shared = std::make_shared<callback<void(const term&)>>(std::move(hook));
    s->code = [shared](process_block* pb) {
        if (pb)
            pb->more().exit_hooks.push_back(std::move(*shared));
        else
            (*shared)(atoms::noproc);
    };
    if (deliver(p, s)) return;
    s->code(nullptr);
    free_signal(s);
}

}  // namespace detail

namespace detail {

void* runtime_local(runtime& node, const void* key, void* (*make)(runtime&),
                    void (*destroy)(void*) noexcept) {
    runtime_impl& r = node.impl();
    auto find = [&]() -> local_object* {
        for (local_object* l = r.locals.load(std::memory_order_acquire); l; l = l->next)
            if (l->key == key) return l;
        return nullptr;
    };
    if (local_object* l = find()) return l->object;
    std::lock_guard lock(r.locals_mutex);
    if (local_object* l = find()) return l->object;
    void* object = make(node);
    r.locals.store(new local_object{key, object, destroy, r.locals.load(std::memory_order_relaxed)},
                   std::memory_order_release);
    return object;
}

void add_end_hook(runtime& node, void (*call)(void* context, const pid& ended) noexcept,
                  void* context) {
    runtime_impl& r = node.impl();
    std::lock_guard lock(r.locals_mutex);
    r.end_hooks.store(new end_hook{call, context, r.end_hooks.load(std::memory_order_relaxed)},
                      std::memory_order_release);
}

bool watch_end(runtime& node, const pid& p) noexcept {
    process_block* pb = p.is_local() ? node.impl().processes.find(p.id) : nullptr;
    if (!pb || pb->serial.load(std::memory_order_acquire) != p.serial) return false;
    pb->parent.fetch_or(process_block::end_watched, std::memory_order_seq_cst);
    const std::uint64_t word = pb->inbox.load(std::memory_order_seq_cst);
    return pb->serial.load(std::memory_order_relaxed) == p.serial &&
           (word & process_block::pointer_mask) != process_block::closed;
}

void run_aside(runtime& node, callback<void()> job) {
    runtime_impl& r = node.impl();
    if (r.stepper)
        r.virtual_dirty.push_back(std::move(job));
    else
        r.dirty->submit(std::move(job));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winvalid-offsetof"  // the compilers we use know it all the same
static_assert(offsetof(process_block, reductions_left) == reductions_left_at);
#pragma GCC diagnostic pop

void charge_caller(int reductions) noexcept {
    charge_here(reductions);
}

runtime& runtime_of(process_block* pb) {
    return *pb->node->outer;
}

bool pid_exists(pid p) noexcept {
    return current()->node->find(p) != nullptr;
}

process_body* current_body() noexcept {
    const process_block* pb = current_or_null();
    return pb ? pb->body : nullptr;
}

std::optional<atom> registered_name(process_block* pb) {
    return pb->extra ? pb->extra->name : std::nullopt;
}

}  // namespace detail

using namespace detail;

runtime::runtime(const runtime_options& options)
    : impl_(std::make_unique<runtime_impl>(this, options)) {}
runtime::~runtime() = default;

std::optional<pid> runtime::whereis(atom name) const {
    return impl_->names.find(name);
}

void runtime::exit(pid target, term reason) {
    auto* s = make_signal<exit_signal>(signal_kind::exit);
    s->reason = std::move(reason);
    if (!impl_->deliver(target, s)) free_signal(s);
}

void runtime::send_raw(pid to, signal* s) {
    if (!impl_->deliver(to, s)) destroy_message(s);
}

namespace {

/// A process's end, awaited by a plain thread.
struct exit_watch {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<term> reason;
};

std::shared_ptr<exit_watch> watch_exit(runtime_impl& node, pid p) {
    auto w = std::make_shared<exit_watch>();
    node.add_exit_watch(p, [w](const term& reason) {
        std::lock_guard lock(w->mutex);
        w->reason = reason;
        w->done.notify_all();
    });
    return w;
}

term wait_for(runtime& node, exit_watch& w) {
    if (node.impl().stepper) {
        node.run_until([&] { return w.reason.has_value(); });
        return w.reason.value_or(atom("deadlock"));
    }
    std::unique_lock lock(w.mutex);
    w.done.wait(lock, [&] { return w.reason.has_value(); });
    return *w.reason;
}

}  // namespace

term runtime::wait_for_exit(pid p) {
    return wait_for(*this, *watch_exit(*impl_, p));
}

term runtime::run_to_exit(pid p) {
    const auto watch = watch_exit(*impl_, p);
    send(p, detail::unit{});
    term reason = wait_for(*this, *watch);
    if (!impl_->stepper || !impl_->find(p)) return reason;
    // Stuck: it must not write its value when its caller has left.
    exit(p, atoms::kill);
    run_until([&] { return !impl_->find(p); });
    return reason;
}

std::chrono::nanoseconds runtime::now() const {
    return std::chrono::nanoseconds(impl_->now());
}

const runtime_options& runtime::options() const {
    return impl_->options;
}

runtime_statistics runtime::statistics() const {
    runtime_impl& r = *impl_;
    runtime_statistics s;
    s.processes = r.process_count();
    {
        std::lock_guard lock(r.workers_mutex);
        auto add = [&](const worker& w) {
            s.spawned += w.spawned.load();
            s.exited += w.exited.load();
            s.reductions += w.reductions.load();
        };
        for (auto& w : r.workers) add(*w);
        if (r.stepper) add(*r.stepper);
        s.spawned += r.retired.spawned + r.foreign_spawned.load();
        s.exited += r.retired.exited + r.foreign_exited.load();
        s.reductions += r.retired.reductions;
    }
    s.messages_dropped = r.messages_dropped.load();
    s.hand_overs = r.hogs.hand_overs();
    s.hog_limit_hits = r.hogs.limit_hits();
    s.hog_threads = r.hogs.stuck();
    s.schedulers = unsigned(r.schedulers.size());
    const std::uint64_t idle = r.idle_mask.load();
    for (auto& sched : r.schedulers) {
        s.timers_pending += sched->timers.size();
        s.run_queues.push_back(sched->length());
        if (!(idle >> sched->index() & 1)) ++s.schedulers_busy;
        if (!r.rests(*sched)) ++s.schedulers_active;
    }
    s.dirty_jobs = r.dirty ? r.dirty->jobs() : unsigned(r.virtual_dirty.size());
    s.uptime_ns = std::uint64_t(r.now() - r.started_at);
    return s;
}

}  // namespace beam
