// The last calls of a breaker, as far as they count: those of a stretch of time, or so many of them.
//
// A window of time is kept in 32 slices, so a call counts for up to a 32nd of the window too long, and
// never too short. Memory does not grow with the number of calls.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "tools/ratelimit/app/breaker_settings.hpp"

namespace breakers {

struct call_counts {
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    std::uint64_t slow = 0;  ///< of the failures, those that only took too long

    friend bool operator==(const call_counts&, const call_counts&) = default;
    BEAM_FIELDS(call_counts, calls, failures, slow)
};

enum class call_end : std::uint8_t { success, failure, slow };

/// A moment is nanoseconds of a clock that never goes back.
class call_window {
public:
    call_window() = default;
    /// For a time (`calls` is 0) or for so many calls.
    call_window(nanoseconds time, std::uint64_t calls);

    void add(std::int64_t now, call_end end);
    [[nodiscard]] call_counts counts(std::int64_t now) const;
    /// When the last call that counts no longer does: nothing but time changes it until then. A window of
    /// calls forgets none.
    [[nodiscard]] std::int64_t empty_from() const;
    void clear();

private:
    struct slice {
        std::int64_t number = 0;
        call_counts counts;
    };
    void forget_old(std::int64_t now);

    std::int64_t width_ = 0;  // of a slice
    std::uint64_t calls_max_ = 0;
    std::vector<slice> slices_;    // of time, the oldest first
    std::vector<call_end> calls_;  // of calls: a ring, once it is full
    std::size_t oldest_ = 0;       // of the ring
    call_counts sum_;
};

/// Whether these counts open a breaker.
[[nodiscard]] bool opens(const settings& s, const call_counts& counts);

}  // namespace breakers
