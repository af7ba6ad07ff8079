#include "tools/ratelimit/app/limit.hpp"

#include "libbeamcore/base/rate.hpp"
#include "tools/ratelimit/app/algorithms.hpp"

namespace ratelimit {

beam::result<void> check(const limit& l) {
    if (l.count < 1 || l.count > count_max)
        return beam::fail("bad_count", "the count of a limit is 1 to " + std::to_string(count_max));
    if (l.period < period_min || l.period > period_max)
        return beam::fail("bad_period", "the period of a limit is 1us to 366d");
    if (l.burst < 1 || l.burst > count_max)
        return beam::fail("bad_burst", "a burst is 1 to " + std::to_string(count_max));
    if (l.kind != algorithm::bucket && l.burst != l.count)
        return beam::fail("bad_burst", "only a bucket has a burst, a window has none");
    return {};
}

beam::result<limit> parse_limit(const std::string& rate, std::uint64_t burst,
                                const std::string& kind) {
    limit l;
    bool known = kind.empty();
    for (const algorithm a : {algorithm::bucket, algorithm::sliding, algorithm::fixed})
        if (kind == name_of(a)) {
            l.kind = a;
            known = true;
        }
    if (!known)
        return beam::fail("bad_algorithm",
                          "no algorithm \"" + kind + "\"; there are bucket, sliding and fixed");
    auto read = beam::parse_rate(rate);
    if (!read) return beam::pass(read);
    l.count = read->count;
    l.period = read->period;
    l.burst = burst > 0 ? burst : l.count;
    if (auto good = check(l); !good) return beam::pass(good);
    return l;
}

std::string rate_text(const limit& l) {
    return beam::print_rate({l.count, l.period});
}

const char* name_of(algorithm kind) {
    return kind == algorithm::bucket ? "bucket" : kind == algorithm::sliding ? "sliding" : "fixed";
}

beam::result<void> check_cost(const limit& l, std::uint64_t cost) {
    if (cost <= l.burst) return {};
    return beam::fail("bad_cost", "a cost of " + std::to_string(cost) + " never fits into " +
                                      std::to_string(l.burst));
}

verdict take(usage& u, const limit& l, std::int64_t now, std::uint64_t cost, nanoseconds patience) {
    verdict v = l.kind == algorithm::bucket    ? bucket::take(u, l, now, cost, patience)
                : l.kind == algorithm::sliding ? sliding::take(u, l, now, cost, patience)
                                               : fixed::take(u, l, now, cost, patience);
    v.limit = l.burst;
    return v;
}

verdict look(const usage& u, const limit& l, std::int64_t now, std::uint64_t cost) {
    usage seen = u;
    verdict v = take(seen, l, now, cost);
    if (!v.allowed) return v;
    // What it says of the time before: nothing was taken.
    seen = u;
    const verdict before = take(seen, l, now, 0);
    v.remaining = before.remaining;
    v.reset_after = before.reset_after;
    return v;
}

void give_back(usage& u, const limit& l, std::int64_t now, std::uint64_t cost) {
    if (l.kind == algorithm::bucket) return bucket::give_back(u, l, now, cost);
    if (l.kind == algorithm::sliding) return sliding::give_back(u, l, now, cost);
    fixed::give_back(u, l, now, cost);
}

void adopt(usage& u, const limit& before, const limit& after, std::int64_t when, inheritance how) {
    if (before == after) return;
    if (how == inheritance::reset) {
        u = usage();
        return;
    }
    if (before.kind == after.kind) {
        if (after.kind == algorithm::bucket) return bucket::adopt(u, before, after, when, how);
        if (after.kind == algorithm::sliding) return sliding::adopt(u, before, after, when, how);
        return fixed::adopt(u, before, after, when, how);
    }
    // Another algorithm knows no more than how many, and takes them for spent just now.
    const std::uint64_t spent = (spent_thousandths(u, before, when) + 999) / 1000;
    const std::uint64_t tokens = inherited(spent, before, after, how);
    u = usage();
    if (tokens == 0) return;
    if (after.kind == algorithm::sliding) {
        u.log.push_back({when, tokens});
    } else {
        u.at = when;
        u.used = tokens;
    }
}

std::uint64_t spent_thousandths(const usage& u, const limit& l, std::int64_t now) {
    if (l.kind == algorithm::bucket) return bucket::spent_thousandths(u, l, now);
    if (l.kind == algorithm::sliding) return sliding::spent_thousandths(u, l, now);
    return fixed::spent_thousandths(u, l, now);
}

std::int64_t idle_from(const usage& u, const limit& l) {
    if (l.kind == algorithm::bucket) return bucket::idle_from(u, l);
    if (l.kind == algorithm::sliding) return sliding::idle_from(u, l);
    return fixed::idle_from(u, l);
}

}  // namespace ratelimit
