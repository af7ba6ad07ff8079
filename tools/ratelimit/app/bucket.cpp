// The token bucket.
//
// What is spent is counted in units of which a token has `period` and each nanosecond gives back `count`:
// both are integers, whatever the rate.
#include "tools/ratelimit/app/algorithms.hpp"

namespace ratelimit::bucket {

namespace {

constexpr std::uint64_t used_max = std::uint64_t{1} << 60;

wide spent_at(const usage& u, const limit& l, std::int64_t now) {
    const wide spent = wide(u.used) * period_of(l) + u.part;
    const wide refilled = wide(since(u.at, now)) * l.count;
    return spent > refilled ? spent - refilled : 0;
}

void set_spent(usage& u, const limit& l, std::int64_t now, wide spent) {
    const std::uint64_t token = period_of(l);
    if (spent <= UINT64_MAX) {  // a division of 128 bits takes several times as long
        const auto narrow = static_cast<std::uint64_t>(spent);
        u.used = narrow / token;
        u.part = narrow % token;
    } else {
        u.used = static_cast<std::uint64_t>(std::min<wide>(spent / token, used_max));
        u.part = static_cast<std::uint64_t>(spent % token);
    }
    u.at = std::max(u.at, now);
}

std::uint64_t left_in_bucket(const usage& u, const limit& l) {
    const std::uint64_t taken = u.used + (u.part > 0 ? 1 : 0);
    return taken < l.burst ? l.burst - taken : 0;
}

nanoseconds refill_time(wide units, const limit& l) {
    return told(units <= UINT64_MAX ? (static_cast<std::uint64_t>(units) + l.count - 1) / l.count
                                    : (units + l.count - 1) / l.count);
}

}  // namespace

verdict take(usage& u, const limit& l, std::int64_t now, std::uint64_t cost, nanoseconds patience) {
    const wide full = wide(l.burst) * period_of(l);
    wide spent = spent_at(u, l, now);
    const wide wanted = spent + wide(cost) * period_of(l);
    const bool waits = cost > 0 && wanted > full;
    const nanoseconds turn = waits ? refill_time(wanted - full, l) : nanoseconds(0);
    verdict v;
    v.allowed = turn <= patience;
    if (v.allowed) {
        v.wait = turn;
        spent = wanted;
    } else {
        v.retry_after = turn;
    }
    set_spent(u, l, now, spent);
    v.remaining = left_in_bucket(u, l);
    v.reset_after = refill_time(spent, l);
    return v;
}

void give_back(usage& u, const limit& l, std::int64_t now, std::uint64_t cost) {
    const wide spent = spent_at(u, l, now), given = wide(cost) * period_of(l);
    set_spent(u, l, now, spent > given ? spent - given : 0);
}

void adopt(usage& u, const limit& before, const limit& after, std::int64_t when, inheritance how) {
    set_spent(u, before, when, spent_at(u, before, when));
    // A part of a token is the same part of the new one.
    wide spent = divide_up(wide(u.part) * period_of(after), period_of(before));
    spent += wide(u.used) * period_of(after);
    const wide full = wide(after.burst) * period_of(after);
    if (how == inheritance::keep) {
        spent = std::min(spent, full);
    } else {
        const wide whole = spent / before.burst, rest = spent % before.burst;
        spent = whole * after.burst + divide_up(rest * after.burst, before.burst);
    }
    set_spent(u, after, when, spent);
}

std::uint64_t spent_thousandths(const usage& u, const limit& l, std::int64_t now) {
    usage seen = u;
    set_spent(seen, l, now, spent_at(u, l, now));
    return seen.used * 1000 + divide_up(wide(seen.part) * 1000, period_of(l));
}

std::int64_t idle_from(const usage& u, const limit& l) {
    return u.at + refill_time(spent_at(u, l, u.at), l).count();
}

}  // namespace ratelimit::bucket
