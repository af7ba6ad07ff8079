#include "libbeamcore/pubsub/tracker_config.hpp"

#include <string>

namespace beam::tracker {

namespace {

std::string ms_text(std::chrono::milliseconds d) {
    return std::to_string(d.count()) + " ms";
}

}  // namespace

result<void> check(const config& c) {
    for (auto d : {c.heartbeat, c.gather, c.down_after, c.permdown_after})
        if (d.count() <= 0) return fail("not_positive", "a period is " + ms_text(d));
    if (c.flap_grace.count() < 0 || c.clock_ahead_max.count() < 0)
        return fail("not_positive", "flap_grace or clock_ahead_max is negative");
    for (auto n : {c.changes_kept, c.message_bytes, c.chunks_in_flight, c.text_bytes_max,
                   c.meta_bytes_max, c.sessions_max, c.entries_max})
        if (n == 0) return fail("not_positive", "a limit is 0");
    if (c.down_after < 2 * c.heartbeat)
        return fail("down_after_too_short", "down_after is " + ms_text(c.down_after) +
                                                ", at least two heartbeats are " +
                                                ms_text(2 * c.heartbeat));
    if (c.permdown_after <= c.down_after)
        return fail("permdown_after_too_short", "permdown_after is " + ms_text(c.permdown_after) +
                                                    ", down_after is " + ms_text(c.down_after));
    return {};
}

}  // namespace beam::tracker
