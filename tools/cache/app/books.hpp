// The rows of the table `cache_books`: what was counted, how far the worker is behind, and the limits.
//
//   {2 * I, Inserted, Deleted, Expired, Evicted, Updated, Bytes, 0}    by threads with the number I
//   {2 * I + 1, Hits, Misses, 0, 0, 0, 0, 0}                          by the same
//   {lag, Told, Heard, LimitsVersion, Sessions, 0, 0, 0}
//   {limits, MaxEntries, MaxBytes, Policy, TtlMs, 0, 0, 0}
//
// Rows of eight small elements are changed in place, without allocating; and threads that count in rows of their own do
// not wait for each other. With one row for everything each request cost 280 ns more, and much more when a thread lost
// its processor while it held that row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libbeamcore/ets/table.hpp"
#include "tools/cache/app/limits.hpp"

namespace cache {

/// What was counted since the table was made.
struct totals {
    std::int64_t inserted = 0;  ///< keys that were not there before
    std::int64_t deleted = 0;
    std::int64_t expired = 0;
    std::int64_t evicted = 0;
    std::int64_t updated = 0;  ///< puts on a key that was there
    std::int64_t bytes = 0;    ///< that the entries weigh
    std::int64_t hits = 0;
    std::int64_t misses = 0;

    [[nodiscard]] std::int64_t entries() const { return inserted - deleted - expired - evicted; }
    void add(const totals& more);
};

/// News to the worker, as session::settle() weighs them.
struct lag {
    std::int64_t told = 0;
    std::int64_t heard = 0;
    std::int64_t limits_version = 0;  ///< changes with the limits

    [[nodiscard]] std::int64_t size() const { return told - heard; }
};

class books {
public:
    explicit books(beam::ets::table t) : table_(t) {}
    /// Puts in the rows of a new table.
    void open() const;

    void count(const totals& more) const;
    /// One row after the other: what is counted meanwhile may be in it or not.
    [[nodiscard]] totals counts() const;
    /// The same at one moment. Costs a copy of the rows.
    [[nodiscard]] totals counts_at_once() const;

    /// Adds to the lag, and gives what it is then.
    lag note(const lag& more) const;
    [[nodiscard]] lag behind() const;
    [[nodiscard]] std::int64_t limits_version() const;

    [[nodiscard]] limits bounds() const;
    /// The version is the caller's to change, by note().
    void set_bounds(const limits& l) const;

    /// Another one each time, from 1.
    [[nodiscard]] std::uint64_t next_session() const;

private:
    beam::ets::table table_;
};

}  // namespace cache
