// Where another thread is just now: a signal makes it look at its own stack.
#pragma once

#include <chrono>
#include <mutex>
#include <vector>

namespace beam::detail {

/// Asks the thread `thread_id` of this OS process for its stack. There is one request at a time: another one,
/// by any thread, waits for the end of this one.
class stack_request {
public:
    explicit stack_request(int thread_id);
    ~stack_request();
    stack_request(const stack_request&) = delete;
    stack_request& operator=(const stack_request&) = delete;

    /// The return addresses, innermost first. Empty if it does not answer within `patience` (the kernel has not
    /// let it run), or if SIGURG, ignored unless somebody handles it, is handled by somebody else. Once.
    [[nodiscard]] std::vector<const void*> answer(std::chrono::milliseconds patience);

private:
    std::unique_lock<std::mutex> turn_;
    bool is_asked_ = false;
};

}  // namespace beam::detail
