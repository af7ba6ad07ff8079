#include "tools/kv/coordinator/coordinator_threads.hpp"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace kv {

namespace {

constexpr std::chrono::seconds stop_limit{1};
constexpr std::chrono::milliseconds deterministic_look{250};

void begin_thread(const char* name) {
    pthread_setname_np(pthread_self(), name);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

void run(coordinator_job& job, coordinator& backend) {
    try {
        job.work(backend);
    } catch (const std::exception& e) {
        job.thrown = e.what();
    } catch (...) {
        job.thrown = "an exception";
    }
}

struct watch_order {
    std::uint64_t rev = 0;
    std::chrono::milliseconds limit{};
};

}  // namespace

/// Kept by both threads, so that one that is left behind has all that it needs.
struct coordinator_threads::shared_state {
    shared_state(std::unique_ptr<coordinator> b, beam::runtime& n, beam::pid p)
        : backend(std::move(b)), node(&n), process(p) {}

    void main_of_worker() {
        begin_thread("kv-coordinator");
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] { return is_stopping || job; });
            if (is_stopping) break;
            auto mine = std::move(job);
            lock.unlock();
            run(*mine, *backend);
            lock.lock();
            tell(job_done{std::move(mine)});
        }
        end_thread();
    }

    void main_of_watcher() {
        begin_thread("kv-watch");
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [&] { return is_stopping || order; });
            if (is_stopping) break;
            const watch_order mine = *std::exchange(order, std::nullopt);
            lock.unlock();
            backend->wait(mine.rev, std::chrono::steady_clock::now() + mine.limit);
            lock.lock();
            tell(may_have_changed{});
        }
        end_thread();
    }

    // The mutex is held: so the runtime lives.
    template <class T>
    void tell(T what) {
        if (!is_stopping) node->send(process, std::move(what));
    }
    void end_thread() {
        --running;
        changed.notify_all();
    }

    const std::unique_ptr<coordinator> backend;
    std::mutex mutex;
    std::condition_variable changed;
    beam::runtime* const node;
    const beam::pid process;
    std::shared_ptr<coordinator_job> job;
    std::optional<watch_order> order;
    bool is_stopping = false;
    int running = 0;
};

coordinator_threads::coordinator_threads(std::unique_ptr<coordinator> backend, beam::runtime& node,
                                         beam::pid process)
    : state_(std::make_shared<shared_state>(std::move(backend), node, process)),
      is_deterministic_(node.options().deterministic) {
    if (is_deterministic_) return;
    state_->running = 2;
    std::thread([s = state_] { s->main_of_worker(); }).detach();
    std::thread([s = state_] { s->main_of_watcher(); }).detach();
}

coordinator_threads::~coordinator_threads() {
    std::unique_lock lock(state_->mutex);
    state_->is_stopping = true;
    state_->changed.notify_all();
    lock.unlock();
    state_->backend->interrupt();
    lock.lock();
    state_->changed.wait_for(lock, stop_limit, [&] { return state_->running == 0; });
}

void coordinator_threads::start(std::shared_ptr<coordinator_job> job) {
    if (is_deterministic_) {
        run(*job, *state_->backend);
        beam::send(state_->process, job_done{std::move(job)});
        return;
    }
    std::lock_guard lock(state_->mutex);
    state_->job = std::move(job);
    state_->changed.notify_all();
}

void coordinator_threads::watch(std::uint64_t rev, std::chrono::milliseconds limit) {
    if (is_deterministic_) {
        const auto later = state_->backend->wait(rev, std::chrono::steady_clock::now())
                               ? std::chrono::milliseconds(0)
                               : deterministic_look;
        beam::send_after(later, state_->process, may_have_changed{});
        return;
    }
    std::lock_guard lock(state_->mutex);
    state_->order = watch_order{rev, limit};
    state_->changed.notify_all();
}

}  // namespace kv
