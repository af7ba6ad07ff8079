// Processes that loop and never give way: no receive, no yield.
#pragma once

#include <atomic>
#include <thread>

#include "tests/bench/beam/bench.hpp"

namespace bench {

/// `count` of them, while it lives. They look at a flag, or the runtime could never end.
class endless_loops {
public:
    endless_loops(beam::runtime& node, int count) {
        for (int i = 0; i < count; ++i) node.spawn(loop, &stop_, &running_);
        // From now on they count: each has been given its thread.
        while (running_.load() < count) std::this_thread::yield();
    }
    ~endless_loops() {
        stop_ = true;
        while (running_.load() > 0) std::this_thread::yield();
    }
    endless_loops(const endless_loops&) = delete;
    endless_loops& operator=(const endless_loops&) = delete;

private:
    static beam::process loop(beam::self, std::atomic<bool>* stop, std::atomic<int>* running) {
        ++*running;
        while (!stop->load(std::memory_order_relaxed)) {
        }
        --*running;
        co_return;
    }

    std::atomic<bool> stop_{false};
    std::atomic<int> running_{0};
};

}  // namespace bench
