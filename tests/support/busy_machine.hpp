// A machine on which others want the cores: two threads a core that never wait.
#pragma once

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace test {

class busy_machine {
public:
    busy_machine() {
        for (unsigned i = 0; i < 2 * std::max(1u, std::thread::hardware_concurrency()); ++i)
            threads_.emplace_back([this] {
                while (!is_over_.load(std::memory_order_relaxed)) __builtin_ia32_pause();
            });
    }
    ~busy_machine() {
        is_over_.store(true);
        for (auto& t : threads_) t.join();
    }
    busy_machine(const busy_machine&) = delete;
    busy_machine& operator=(const busy_machine&) = delete;

private:
    std::atomic<bool> is_over_{false};
    std::vector<std::thread> threads_;
};

}  // namespace test
