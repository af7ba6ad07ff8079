#include "libbeamcore/runtime/internal/dirty_pool.hpp"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace beam::detail {

namespace {
constexpr auto idle_before_end = std::chrono::seconds(60);
}

dirty_pool::~dirty_pool() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    work_.notify_all();
    gone_.wait(lock, [&] { return threads_ == 0; });
}

void dirty_pool::submit(callback<void()> job) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    if (idle_ >= jobs_.size() || threads_ >= threads_max_) {
        work_.notify_one();
        return;
    }
    ++threads_;
    std::thread([this] { main(); }).detach();
}

unsigned dirty_pool::jobs() const {
    std::lock_guard lock(mutex_);
    return unsigned(jobs_.size()) + busy_;
}

void dirty_pool::main() {
    pthread_setname_np(pthread_self(), "beam-dirty");
    std::unique_lock lock(mutex_);
    for (;;) {
        if (jobs_.empty()) {
            if (stopping_) break;
            ++idle_;
            const bool called =
                work_.wait_for(lock, idle_before_end, [&] { return !jobs_.empty() || stopping_; });
            --idle_;
            if (!called) break;
            continue;
        }
        callback<void()> job = std::move(jobs_.front());
        jobs_.pop_front();
        ++busy_;
        lock.unlock();
        job();
        job = {};
        lock.lock();
        --busy_;
    }
    --threads_;
    gone_.notify_all();  // under the lock: the pool may be gone when it is free
}

}  // namespace beam::detail
