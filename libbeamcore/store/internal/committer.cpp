#include "libbeamcore/store/internal/committer.hpp"

#include <pthread.h>
#include <signal.h>

namespace beam::store::detail {

void committer::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

void committer::start(std::unique_ptr<commit_job> job) {
    // Deterministic: the store's own turn is the commit.
    if (node_.options().deterministic) {
        job->fatal = env_->commit(job->writes);
        node_.send(store_, committed{std::move(job)});
        return;
    }
    std::lock_guard lock(mutex_);
    job_ = std::move(job);
    if (thread_.joinable())
        changed_.notify_one();
    else
        thread_ = std::thread([this] { main(); });
}

void committer::main() {
    pthread_setname_np(pthread_self(), "beam-store");
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stopping_ || job_; });
        if (!job_) return;
        auto job = std::move(job_);
        lock.unlock();
        job->fatal = env_->commit(job->writes);
        node_.send(store_, committed{std::move(job)});
        lock.lock();
    }
}

}  // namespace beam::store::detail
