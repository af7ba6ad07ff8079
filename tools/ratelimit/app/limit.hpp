// Limits as plain arithmetic: what a usage and a moment say about a request.
//
// No clock, no table and no float: a moment is nanoseconds since any epoch that does not move, and every
// number is an integer, so that nothing drifts. All roundings are against the caller: a wait is never told
// too short, and no conversion gives tokens back that were spent.
//
//   bucket   `burst` tokens, refilled one by one, `count` of them in each period. Exact to the nanosecond.
//   sliding  never more than `count` in any stretch of a period. Exact up to 64; beyond, charges within the
//            same 64th of a period count as if all were made at the last of them.
//   fixed    at most `count` in a window of a period, which begins with the first charge: twice as many may
//            pass around its end.
//
// A request that waits is charged at once, for the moment when its turn comes: who waits is served in the
// order of arrival, each sleeps once, and who does not wait passes nobody.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "libbeamcore/base/rate.hpp"
#include "libbeamcore/base/result.hpp"

namespace ratelimit {

using std::chrono::nanoseconds;

enum class algorithm : std::uint8_t { bucket, sliding, fixed };

/// How much is allowed. A plain value; check() says whether it makes sense.
struct limit {
    std::uint64_t count = 10;
    nanoseconds period = std::chrono::minutes(2);
    std::uint64_t burst = 10;  ///< the bucket's size; `count` for the others
    algorithm kind = algorithm::bucket;

    friend bool operator==(const limit&, const limit&) = default;
};

inline constexpr std::uint64_t count_max = 1'000'000'000;
inline constexpr nanoseconds period_min = std::chrono::microseconds(1);
inline constexpr nanoseconds period_max = std::chrono::hours(24 * 366);
/// How far ahead a request may wait for its turn.
inline constexpr nanoseconds wait_max = std::chrono::hours(24 * 366);

/// Errors: `bad_count`, `bad_period`, `bad_burst` (also one that is not the count, for a window).
[[nodiscard]] beam::result<void> check(const limit& l);

/// Reads a limit as people type it: `10/2m`, a burst (0: as the count), an algorithm's name (empty: bucket).
///
/// Errors: check()'s, parse_rate's, `bad_algorithm`.
[[nodiscard]] beam::result<limit> parse_limit(const std::string& rate, std::uint64_t burst,
                                              const std::string& kind);

/// `10/2m`
[[nodiscard]] std::string rate_text(const limit& l);
[[nodiscard]] const char* name_of(algorithm kind);

/// What was taken at one moment.
struct charge_at {
    std::int64_t at = 0;
    std::uint64_t cost = 0;

    friend bool operator==(const charge_at&, const charge_at&) = default;
};

/// What a key has used. The default is nothing at all.
struct usage {
    std::int64_t at = 0;     ///< bucket: when the next two were true; fixed: when the window began
    std::uint64_t used = 0;  ///< tokens; more than the burst where somebody waits for his turn
    std::uint64_t part = 0;  ///< bucket: and so many `period`ths of a token's nanoseconds
    std::vector<charge_at> log;  ///< sliding: the charges, the oldest first

    friend bool operator==(const usage&, const usage&) = default;
};

struct verdict {
    bool allowed = false;
    std::uint64_t limit = 0;      ///< what there is at most
    std::uint64_t remaining = 0;  ///< what could be taken now, after this
    nanoseconds wait{0};          ///< allowed: until its turn comes
    nanoseconds retry_after{0};   ///< not allowed: when the same request would be
    nanoseconds reset_after{0};   ///< until everything is there again

    friend bool operator==(const verdict&, const verdict&) = default;
};

/// Takes `cost` (0: only looks), if it is its turn within `patience` from now; else changes nothing. A cost
/// of more than the burst never passes: check_cost() refuses it before.
[[nodiscard]] verdict take(usage& u, const limit& l, std::int64_t now, std::uint64_t cost,
                           nanoseconds patience = {});
/// What take() would say, without taking.
[[nodiscard]] verdict look(const usage& u, const limit& l, std::int64_t now,
                           std::uint64_t cost = 1);

/// Gives tokens back, at most what is spent.
void give_back(usage& u, const limit& l, std::int64_t now, std::uint64_t cost);

/// Errors: `bad_cost`.
[[nodiscard]] beam::result<void> check_cost(const limit& l, std::uint64_t cost);

/// What becomes of spent tokens when a limit changes.
enum class inheritance : std::uint8_t {
    scale,  ///< the same share is spent as before
    keep,   ///< the same number is spent, or everything
    reset,  ///< nothing is spent
};

/// Turns a usage under one limit into one under another. From the moment `when` on the new one counts.
void adopt(usage& u, const limit& before, const limit& after, std::int64_t when, inheritance how);

/// How much is spent, in thousandths of a token, rounded up.
[[nodiscard]] std::uint64_t spent_thousandths(const usage& u, const limit& l, std::int64_t now);

/// The moment from which on the usage is as good as none.
[[nodiscard]] std::int64_t idle_from(const usage& u, const limit& l);

}  // namespace ratelimit
