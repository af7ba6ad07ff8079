#include "tools/ratelimit/app/call_window.hpp"

#include <algorithm>
#include <utility>

namespace breakers {

namespace {

constexpr std::int64_t slices_max = 32;

void count(call_counts& into, call_end end) {
    ++into.calls;
    if (end != call_end::success) ++into.failures;
    if (end == call_end::slow) ++into.slow;
}

void take_away(call_counts& from, const call_counts& what) {
    from.calls -= what.calls;
    from.failures -= what.failures;
    from.slow -= what.slow;
}

}  // namespace

call_window::call_window(nanoseconds time, std::uint64_t calls)
    : width_(std::max<std::int64_t>((time.count() + slices_max - 1) / slices_max, 1)),
      calls_max_(calls) {}

void call_window::forget_old(std::int64_t now) {
    auto counts = [&](const slice& s) { return s.number >= now / width_ - slices_max; };
    const auto first = std::find_if(slices_.begin(), slices_.end(), counts);
    for (auto s = slices_.begin(); s != first; ++s) take_away(sum_, s->counts);
    slices_.erase(slices_.begin(), first);
}

void call_window::add(std::int64_t now, call_end end) {
    count(sum_, end);
    if (calls_max_ == 0) {
        forget_old(now);
        const std::int64_t number = now / width_;
        if (slices_.empty() || slices_.back().number < number) slices_.push_back({number, {}});
        count(slices_.back().counts, end);
    } else if (calls_.size() < calls_max_) {
        calls_.push_back(end);
    } else {
        call_counts oldest;
        count(oldest, std::exchange(calls_[oldest_], end));
        take_away(sum_, oldest);
        oldest_ = (oldest_ + 1) % calls_.size();
    }
}

call_counts call_window::counts(std::int64_t now) const {
    call_counts sum = sum_;
    for (const slice& s : slices_) {
        if (s.number >= now / width_ - slices_max) break;
        take_away(sum, s.counts);
    }
    return sum;
}

std::int64_t call_window::empty_from() const {
    if (calls_max_ > 0) return calls_.empty() ? 0 : INT64_MAX;
    return slices_.empty() ? 0 : (slices_.back().number + slices_max + 1) * width_;
}

void call_window::clear() {
    slices_.clear();
    calls_.clear();
    oldest_ = 0;
    sum_ = {};
}

bool opens(const settings& s, const call_counts& counts) {
    if (counts.failures == 0) return false;
    if (s.failures > 0 && counts.failures >= s.failures) return true;
    return s.rate_ppm > 0 && counts.calls >= s.min_calls &&
           counts.failures * 1'000'000 >= counts.calls * s.rate_ppm;
}

}  // namespace breakers
