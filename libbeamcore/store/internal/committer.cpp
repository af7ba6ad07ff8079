#include "libbeamcore/store/internal/committer.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace beam::store::detail {

void committer::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void committer::add(std::deque<pending_write>& writes) {
    // Deterministic: the store's own turn is the commit.
    if (node_.options().deterministic) {
        if (is_over_) return;
        waiting_.swap(writes);
        while (!waiting_.empty() && !is_over_) is_over_ = !commit(next());
        if (!is_over_ && env_->data().has_unsynced()) is_over_ = !sync();
        return;
    }
    std::lock_guard lock(mutex_);
    if (waiting_.empty()) waiting_.swap(writes);
    for (auto& w : writes) waiting_.push_back(std::move(w));
    writes.clear();
    if (thread_.joinable())
        changed_.notify_one();
    else
        thread_ = std::thread([this] { main(); });
}

std::vector<pending_write> committer::next() {
    std::vector<pending_write> some;
    std::size_t bytes = 0;
    while (!waiting_.empty() && some.size() < options_.commit_requests_max &&
           (some.empty() || bytes + waiting_.front().bytes <= options_.commit_bytes_max)) {
        bytes += waiting_.front().bytes;
        some.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    return some;
}

bool committer::commit(std::vector<pending_write> writes) {
    auto fatal = env_->commit(writes);
    const bool goes_on = !fatal;
    node_.send(store_, committed{std::move(writes), std::move(fatal)});
    return goes_on;
}

bool committer::sync_if_due() {
    if (!env_->data().has_unsynced()) {
        sync_due_.reset();
        return true;
    }
    const auto now = std::chrono::steady_clock::now();
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24);
    if (!sync_due_) sync_due_ = now + std::min(*options_.sync_interval, longest);
    if (now < *sync_due_) return true;
    sync_due_.reset();
    return sync();
}

bool committer::sync() {
    auto fatal = env_->sync();
    if (!fatal) return true;
    node_.send(store_, committed{{}, std::move(fatal)});
    return false;
}

bool committer::wait(std::unique_lock<std::mutex>& lock) {
    const auto is_ready = [&] { return stopping_ || !waiting_.empty(); };
    if (sync_due_)
        changed_.wait_until(lock, *sync_due_, is_ready);
    else
        changed_.wait(lock, is_ready);
    return !stopping_;
}

void committer::main() {
    pthread_setname_np(pthread_self(), "beam-store");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::unique_lock lock(mutex_);
    while (wait(lock)) {
        auto some = next();
        lock.unlock();
        if (!some.empty() && !commit(std::move(some))) return;
        if (!sync_if_due()) return;
        lock.lock();
    }
}

}  // namespace beam::store::detail
