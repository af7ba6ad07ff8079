// Where another thread is just now: a signal makes it look at its own stack.
#pragma once

#include <vector>

namespace beam::detail {

/// The return addresses of the thread `thread_id` of this OS process, innermost first; empty if it does not
/// answer within 10 ms, or if SIGURG (ignored unless somebody handles it) is handled by somebody else.
/// Any thread; one at a time.
[[nodiscard]] std::vector<const void*> stack_of_thread(int thread_id);

}  // namespace beam::detail
