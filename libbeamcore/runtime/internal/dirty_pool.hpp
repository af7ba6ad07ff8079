// Threads for code that blocks.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "libbeamcore/runtime/callback.hpp"

namespace beam::detail {

class dirty_pool {
public:
    explicit dirty_pool(unsigned threads_max) : threads_max_(threads_max) {}
    /// Runs what is queued to its end, then joins.
    ~dirty_pool();

    void submit(callback<void()> job);
    [[nodiscard]] unsigned jobs() const;

private:
    void main();

    const unsigned threads_max_;
    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::condition_variable gone_;
    std::deque<callback<void()>> jobs_;
    unsigned threads_ = 0, idle_ = 0, busy_ = 0;
    bool stopping_ = false;
};

}  // namespace beam::detail
