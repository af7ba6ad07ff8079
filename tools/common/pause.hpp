// Waits between two looks at something that sends no event: 1 ms first, then longer, up to 32.
#pragma once

#include <poll.h>

#include <chrono>

#include "tools/common/deadline.hpp"
#include "tools/common/interrupt.hpp"

namespace beam::tool {

class pause {
public:
    /// Not longer than until `by`. Throws `interrupted` at Ctrl-C.
    void wait(deadline by) {
        check_interrupted();
        pollfd waits{interrupt_fd(), POLLIN, 0};
        ::poll(&waits, 1, deadline::in(next_).earlier(by).poll_timeout());
        check_interrupted();
        if (next_ < std::chrono::milliseconds(20)) next_ *= 2;
    }

private:
    std::chrono::milliseconds next_{1};
};

}  // namespace beam::tool
