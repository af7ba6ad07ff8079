// The three ways to count, each in a file of its own (bucket.cpp, sliding.cpp, fixed.cpp); limit.cpp chooses.
#pragma once

#include <algorithm>
#include <cstdint>

#include "tools/ratelimit/app/limit.hpp"

namespace ratelimit {

__extension__ using wide = unsigned __int128;

inline std::uint64_t period_of(const limit& l) {
    return static_cast<std::uint64_t>(l.period.count());
}
inline std::uint64_t divide_up(wide a, std::uint64_t b) {
    return static_cast<std::uint64_t>((a + b - 1) / b);
}
inline std::uint64_t since(std::int64_t then, std::int64_t now) {
    return now > then ? static_cast<std::uint64_t>(now - then) : 0;
}
/// A wait as it is told: no longer than the longest, so that no sum of moments can overflow.
inline nanoseconds told(wide ns) {
    const auto most = static_cast<wide>(wait_max.count());
    return nanoseconds(static_cast<std::int64_t>(std::min(ns, most)));
}
/// Tokens spent under one limit, as another counts them (scale or keep).
inline std::uint64_t inherited(std::uint64_t tokens, const limit& before, const limit& after,
                               inheritance how) {
    if (how == inheritance::keep) return std::min(tokens, after.burst);
    return divide_up(wide(tokens) * after.burst, before.burst);
}

// What limit.hpp promises, for one algorithm each; adopt: from and to the same.
#define RATELIMIT_ALGORITHM(name)                                                      \
    namespace name {                                                                   \
    verdict take(usage& u, const limit& l, std::int64_t now, std::uint64_t cost,       \
                 nanoseconds patience);                                                \
    void give_back(usage& u, const limit& l, std::int64_t now, std::uint64_t cost);    \
    void adopt(usage& u, const limit& before, const limit& after, std::int64_t when,   \
               inheritance how);                                                       \
    std::uint64_t spent_thousandths(const usage& u, const limit& l, std::int64_t now); \
    std::int64_t idle_from(const usage& u, const limit& l);                            \
    }
RATELIMIT_ALGORITHM(bucket)
RATELIMIT_ALGORITHM(sliding)
RATELIMIT_ALGORITHM(fixed)
#undef RATELIMIT_ALGORITHM

}  // namespace ratelimit
