// committer: the thread on which a store's commits run, which wait for the disk. LMDB ties a write
// transaction to a thread, too. While one commit runs the next one fills, and begins at once when that is through: it does
// not wait until the store's process has had its turn.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/store/internal/environment.hpp"

namespace beam::store::detail {

/// A message: they are on disk, or why not; their answers are filled in.
struct committed {
    std::vector<pending_write> writes;
    std::optional<error> fatal{};  // why the store must not go on
};

class committer {
public:
    committer(std::shared_ptr<environment> env, const open_options& options, runtime& node,
              pid store)
        : env_(std::move(env)), options_(options), node_(node), store_(store) {}
    ~committer() { stop(); }
    committer(const committer&) = delete;
    committer& operator=(const committer&) = delete;

    /// Takes all of them, to be committed in the order in which they came; the store is told of each commit. The thread
    /// is started by the first. After a fatal failure nothing more is committed.
    void add(std::deque<pending_write>& writes);
    /// Waits for the commit that is under way, and ends the thread. What waits for the next is not committed.
    void stop();

private:
    void main();
    /// Waits for writes, or until it is time to sync. False: it is to end.
    [[nodiscard]] bool wait(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] std::vector<pending_write> next();
    // False: nothing may follow.
    bool commit(std::vector<pending_write> writes);
    bool sync_if_due();
    bool sync();

    const std::shared_ptr<environment> env_;
    const open_options options_;
    runtime& node_;
    const pid store_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<pending_write> waiting_;
    bool stopping_ = false;
    bool is_over_ = false;  // deterministic: one has failed for good
    std::optional<std::chrono::steady_clock::time_point> sync_due_{};  // the thread's
    std::thread thread_;
};

}  // namespace beam::store::detail
