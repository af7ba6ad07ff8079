// restart_window: how many restarts there were in the last seconds, counted as OTP does.
#pragma once

#include <cstdint>
#include <deque>

namespace beam::detail {

// Times are whole seconds of the monotonic clock and a restart counts as long as it is no more than
// `period` of them old: OTP's granularity, kept so that both give up at the same moment. It also makes
// the window as long as the period at most, whatever the intensity.
class restart_window {
public:
    // Counts one restart now and gives the number in the window, this one included.
    std::uint64_t add(std::int64_t now_s, std::int64_t period_s) {
        while (!seconds_.empty() && seconds_.front().at < now_s - period_s) {
            total_ -= seconds_.front().count;
            seconds_.pop_front();
        }
        if (seconds_.empty() || seconds_.back().at != now_s) seconds_.push_back({now_s, 0});
        ++seconds_.back().count;
        return ++total_;
    }

    [[nodiscard]] std::uint64_t total() const { return total_; }

private:
    struct second {
        std::int64_t at;
        std::uint64_t count;
    };
    std::deque<second> seconds_;
    std::uint64_t total_ = 0;
};

}  // namespace beam::detail
