// The sliding window.
//
// A charge counts until a period has passed since. Those of who waits lie in the future, and nobody is put
// before them.
#include "tools/ratelimit/app/algorithms.hpp"

namespace ratelimit::sliding {

namespace {

constexpr std::uint64_t slices = 64;

std::int64_t leaves_at(const charge_at& c, const limit& l) {
    return c.at + l.period.count();
}

void forget_old(usage& u, const limit& l, std::int64_t now) {
    auto counts = [&](const charge_at& c) { return leaves_at(c, l) > now; };
    u.log.erase(u.log.begin(), std::find_if(u.log.begin(), u.log.end(), counts));
}

std::uint64_t sum_of(const std::vector<charge_at>& log) {
    std::uint64_t sum = 0;
    for (const charge_at& c : log) sum += c.cost;
    return sum;
}

// The first moment, not before that of the last charge, at which `cost` fits.
std::int64_t turn_in_log(const usage& u, const limit& l, std::int64_t now, std::uint64_t cost) {
    std::int64_t turn = u.log.empty() ? now : std::max(now, u.log.back().at);
    std::uint64_t sum = sum_of(u.log);
    for (const charge_at& c : u.log) {
        if (leaves_at(c, l) > turn) {
            if (sum + cost <= l.burst) break;
            turn = leaves_at(c, l);
        }
        sum -= c.cost;
    }
    return turn;
}

void add_to_log(usage& u, const limit& l, std::int64_t at, std::uint64_t cost) {
    const auto width = std::max<std::int64_t>(l.period.count() / std::int64_t{slices}, 1);
    const bool merges = l.burst > slices && !u.log.empty() && u.log.back().at / width == at / width;
    if (!merges && (u.log.empty() || u.log.back().at != at)) {
        u.log.push_back({at, cost});
        return;
    }
    u.log.back().at = at;
    u.log.back().cost += cost;
}

std::uint64_t left_in_log(const usage& u, const limit& l) {
    const std::uint64_t sum = sum_of(u.log);
    return sum < l.burst ? l.burst - sum : 0;
}

}  // namespace

verdict take(usage& u, const limit& l, std::int64_t now, std::uint64_t cost, nanoseconds patience) {
    forget_old(u, l, now);
    const std::int64_t at = cost > 0 ? turn_in_log(u, l, now, cost) : now;
    const nanoseconds turn(at - now);
    verdict v;
    v.allowed = turn <= patience;
    if (v.allowed) {
        v.wait = turn;
        if (cost > 0) add_to_log(u, l, at, cost);
    } else {
        v.retry_after = turn;
    }
    v.remaining = left_in_log(u, l);
    if (!u.log.empty()) v.reset_after = nanoseconds(leaves_at(u.log.back(), l) - now);
    return v;
}

void give_back(usage& u, const limit& l, std::int64_t now, std::uint64_t cost) {
    forget_old(u, l, now);
    while (cost > 0 && !u.log.empty()) {
        const std::uint64_t taken = std::min(cost, u.log.back().cost);
        cost -= taken;
        u.log.back().cost -= taken;
        if (u.log.back().cost == 0) u.log.pop_back();
    }
}

void adopt(usage& u, const limit& before, const limit& after, std::int64_t when, inheritance how) {
    forget_old(u, before, when);
    for (charge_at& c : u.log) c.cost = inherited(c.cost, before, after, how);
}

std::uint64_t spent_thousandths(const usage& u, const limit& l, std::int64_t now) {
    usage seen = u;
    forget_old(seen, l, now);
    return sum_of(seen.log) * 1000;
}

std::int64_t idle_from(const usage& u, const limit& l) {
    return u.log.empty() ? 0 : leaves_at(u.log.back(), l);
}

}  // namespace ratelimit::sliding
