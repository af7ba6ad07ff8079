// How long something may take: a duration or for ever.
#pragma once

#include <chrono>
#include <cstdint>

namespace beam {

/// For ever, where a time limit is asked for. Also a supervisor's `shutdown => infinity`.
struct infinity {
    friend constexpr bool operator==(infinity, infinity) = default;
};

/// A time limit. Converts from any chrono duration and from `infinity{}`.
///
/// Limits are as OTP's: 0 to 0xFFFFFFFF milliseconds; a receive outside of them exits with
/// `timeout_value`. Resolution is finer than OTP's, about 65 us.
class timeout {
public:
    template <class Rep, class Period>
    constexpr timeout(std::chrono::duration<Rep, Period> d)  // NOLINT: implicit
        : ns_(std::chrono::duration_cast<std::chrono::nanoseconds>(d).count()) {}
    constexpr timeout(infinity) : ns_(forever) {}  // NOLINT: implicit

    [[nodiscard]] constexpr bool is_infinite() const { return ns_ == forever; }
    [[nodiscard]] constexpr std::chrono::nanoseconds duration() const {
        return std::chrono::nanoseconds(ns_);
    }
    /// False for what OTP refuses with `timeout_value`.
    [[nodiscard]] constexpr bool is_valid() const {
        return is_infinite() || (ns_ >= 0 && ns_ <= std::int64_t{0xFFFFFFFF} * 1'000'000);
    }

private:
    static constexpr std::int64_t forever = INT64_MAX;
    std::int64_t ns_;
};

/// OTP's default for calls.
inline constexpr timeout default_call_timeout = std::chrono::seconds(5);

}  // namespace beam
