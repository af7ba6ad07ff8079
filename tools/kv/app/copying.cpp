#include "tools/kv/app/copying.hpp"

#include <algorithm>
#include <utility>

namespace kv {

void move_permits::ask(const move_asker& a) {
    const auto is_it = [&](const move_asker& other) { return other == a; };
    if (std::any_of(given_.begin(), given_.end(), is_it)) {
        news_.push_back(a);
    } else if (given_.size() < at_once_ && waiting_.empty()) {
        given_.push_back(a);
        news_.push_back(a);
    } else if (std::none_of(waiting_.begin(), waiting_.end(), is_it)) {
        waiting_.push_back(a);
    }
}

void move_permits::give_back(const move_asker& a) {
    std::erase(waiting_, a);
    std::erase(given_, a);
    while (given_.size() < at_once_ && !waiting_.empty()) {
        given_.push_back(waiting_.front());
        news_.push_back(waiting_.front());
        waiting_.pop_front();
    }
}

void move_permits::died(const beam::pid& who) {
    std::vector<move_asker> its;
    const auto note = [&](const auto& all) {
        for (const move_asker& a : all)
            if (a.who == who) its.push_back(a);
    };
    // What waits first, or it would get what is given back.
    note(waiting_);
    note(given_);
    for (const move_asker& a : its) give_back(a);
}

std::vector<move_asker> move_permits::take_news() {
    return std::exchange(news_, {});
}

bool move_permits::knows(const beam::pid& who) const {
    const auto is_its = [&](const move_asker& a) { return a.who == who; };
    return std::any_of(given_.begin(), given_.end(), is_its) ||
           std::any_of(waiting_.begin(), waiting_.end(), is_its);
}

std::chrono::nanoseconds copy_pace::take(std::size_t bytes, std::chrono::nanoseconds now) {
    using namespace std::chrono_literals;
    if (rate_ == 0) return {};
    free_at_ = std::max(free_at_, now - 10ms);
    const std::chrono::nanoseconds wait = std::max(free_at_ - now, std::chrono::nanoseconds(0));
    free_at_ += std::chrono::nanoseconds(std::int64_t(double(bytes) / double(rate_) * 1e9));
    return wait;
}

}  // namespace kv
