// committer: the thread on which a store's commits run, which wait for the disk. LMDB ties a write
// transaction to a thread, too.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/store/internal/environment.hpp"

namespace beam::store::detail {

struct commit_job {
    std::vector<pending_write> writes;
    std::optional<error> fatal{};  // why the store must not go on
};

/// A message: the job is through, and its answers are filled in.
struct committed {
    std::unique_ptr<commit_job> job;
};

class committer {
public:
    committer(std::shared_ptr<environment> env, runtime& node, pid store)
        : env_(std::move(env)), node_(node), store_(store) {}
    ~committer() { stop(); }
    committer(const committer&) = delete;
    committer& operator=(const committer&) = delete;

    /// One at a time. The thread is started by the first.
    void start(std::unique_ptr<commit_job> job);
    /// Waits for the job that is under way, and ends the thread.
    void stop();

private:
    void main();

    const std::shared_ptr<environment> env_;
    runtime& node_;
    const pid store_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::unique_ptr<commit_job> job_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace beam::store::detail
