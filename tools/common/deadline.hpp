// A point in time after which waiting is over, or never.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace beam::tool {

class deadline {
public:
    using clock = std::chrono::steady_clock;

    deadline() = default;  ///< never
    explicit deadline(clock::time_point at) : at_(at) {}
    [[nodiscard]] static deadline in(std::chrono::nanoseconds time) {
        // A century is never, and must not overflow the clock.
        if (time > std::chrono::hours(24 * 36500)) return {};
        return deadline(clock::now() + std::chrono::duration_cast<clock::duration>(time));
    }

    [[nodiscard]] bool is_never() const { return !at_; }
    [[nodiscard]] bool is_over() const { return at_ && clock::now() >= *at_; }

    /// For poll(): milliseconds left, rounded up; -1 for never.
    [[nodiscard]] int poll_timeout() const {
        if (!at_) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*at_ - clock::now()).count();
        return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
    }

    /// What is left; zero when it is over. Not for never.
    [[nodiscard]] std::chrono::nanoseconds left() const {
        return at_ ? std::max<std::chrono::nanoseconds>(*at_ - clock::now(), {})
                   : std::chrono::nanoseconds::max();
    }

    [[nodiscard]] deadline earlier(deadline other) const {
        if (!at_) return other;
        return other.at_ && *other.at_ < *at_ ? other : *this;
    }

private:
    std::optional<clock::time_point> at_;
};

}  // namespace beam::tool
