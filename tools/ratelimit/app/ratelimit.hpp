// Rate limits for other applications: they name `ratelimit` among the applications they need, and call this.
//
//     auto asked = ratelimit::throttle("user42", 15, 30, 60s, 1);
//     ratelimit::throttle_answer a = co_await asked;
//     if (a.limited) ... a.retry_after ...
//
// It counts with a token bucket in the same rows as `ratelimit check KEY --limit RATE --burst N`: who asks here and
// who asks there share what is allowed, and `ratelimit peek`, `explain`, `refund` and `reset` see the key. Nothing here
// is linked: requests go as messages to a registered name, so each application is upgraded alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/fields.hpp"

namespace ratelimit {

/// The answer of redis-cell's CL.THROTTLE, in its order.
struct throttle_answer {
    bool limited = false;
    std::uint64_t limit = 0;  ///< what fits in at once
    std::uint64_t remaining = 0;
    std::chrono::nanoseconds retry_after{
        -1};  ///< -1: it was not limited, or asks for more than the limit
    std::chrono::nanoseconds reset_after{0};
    std::string error;  ///< why the request makes no sense, else empty; nothing was counted then
    BEAM_FIELDS(throttle_answer, limited, limit, remaining, retry_after, reset_after, error)
};

struct throttle_request {
    using reply = throttle_answer;
    std::string key;
    std::uint64_t max_burst = 0;
    std::uint64_t count = 0;
    std::chrono::nanoseconds period{0};
    std::uint64_t quantity = 1;
    BEAM_FIELDS(throttle_request, key, max_burst, count, period, quantity)
};

/// CL.THROTTLE key max_burst count period [quantity]: `count` tokens come back in each period, and one more than
/// `max_burst` fit in at once. A quantity of 0 only looks; one of more than the limit is limited for ever. Exits the
/// caller with `{noproc, ...}` where the application does not run (is_running()), and after 5 s.
[[nodiscard]] inline beam::future<throttle_answer> throttle(std::string key,
                                                            std::uint64_t max_burst,
                                                            std::uint64_t count,
                                                            std::chrono::nanoseconds period,
                                                            std::uint64_t quantity = 1) {
    throttle_request r{std::move(key), max_burst, count, period, quantity};
    return beam::send_request(beam::server_ref(beam::atom("ratelimit_gate")), std::move(r));
}

/// Whether the application runs here.
[[nodiscard]] inline bool is_running() {
    return beam::whereis(beam::atom("ratelimit_gate")).has_value();
}

}  // namespace ratelimit
