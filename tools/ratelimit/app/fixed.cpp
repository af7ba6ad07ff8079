// The fixed window.
//
// `used` counts on over the windows to come: what is beyond the first `burst` is charged to the next one,
// and so on.
#include "tools/ratelimit/app/algorithms.hpp"

namespace ratelimit::fixed {

namespace {

void begin_window(usage& u, const limit& l, std::int64_t now) {
    const std::uint64_t passed = since(u.at, now) / period_of(l);
    if (passed == 0) return;
    const wide gone = wide(passed) * l.burst;
    u.used = gone < u.used ? u.used - static_cast<std::uint64_t>(gone) : 0;
    u.at = u.used == 0 ? 0 : u.at + static_cast<std::int64_t>(passed * period_of(l));
}

std::int64_t window_end(const usage& u, const limit& l, std::uint64_t windows) {
    const wide ahead = wide(windows) * period_of(l);
    return u.at + told(ahead).count();
}

}  // namespace

verdict take(usage& u, const limit& l, std::int64_t now, std::uint64_t cost, nanoseconds patience) {
    begin_window(u, l, now);
    // What does not fit into the rest of a window goes to the next one as a whole.
    std::uint64_t place = u.used;
    if (place % l.burst + cost > l.burst) place += l.burst - place % l.burst;
    const std::uint64_t ahead = cost > 0 ? place / l.burst : 0;
    const nanoseconds turn(ahead == 0 ? 0 : window_end(u, l, ahead) - now);
    verdict v;
    v.allowed = turn <= patience;
    if (v.allowed && cost > 0) {
        if (u.used == 0) u.at = now;
        u.used = place + cost;
    }
    (v.allowed ? v.wait : v.retry_after) = turn;
    v.remaining = u.used < l.burst ? l.burst - u.used : 0;
    if (u.used > 0)
        v.reset_after = nanoseconds(window_end(u, l, (u.used + l.burst - 1) / l.burst) - now);
    return v;
}

void give_back(usage& u, const limit& l, std::int64_t now, std::uint64_t cost) {
    begin_window(u, l, now);
    u.used -= std::min(u.used, cost);
}

void adopt(usage& u, const limit& before, const limit& after, std::int64_t when, inheritance how) {
    begin_window(u, before, when);
    u.used = inherited(u.used, before, after, how);
}

std::uint64_t spent_thousandths(const usage& u, const limit& l, std::int64_t now) {
    usage seen = u;
    begin_window(seen, l, now);
    return seen.used * 1000;
}

std::int64_t idle_from(const usage& u, const limit& l) {
    return u.used == 0 ? 0 : window_end(u, l, (u.used + l.burst - 1) / l.burst);
}

}  // namespace ratelimit::fixed
