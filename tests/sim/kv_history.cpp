#include "kv_history.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace test {

namespace {

using value_now = std::optional<std::string>;

/// What the key is after the operation, if the operation could be next.
std::optional<value_now> after(const kv_operation& op, const value_now& now) {
    switch (op.what) {
        case kv_operation::kind::read:
            if (op.found != now) return std::nullopt;
            return now;
        case kv_operation::kind::put:
            return value_now(op.wanted);
        case kv_operation::kind::remove:
            return value_now();
        case kv_operation::kind::compare_and_put: {
            const bool holds = now == value_now(op.expected);
            if (op.answered == kv_operation::never) return holds ? value_now(op.wanted) : now;
            if (holds == op.refused) return std::nullopt;
            return holds ? value_now(op.wanted) : now;
        }
    }
    return std::nullopt;
}

class search {
public:
    explicit search(std::vector<kv_operation> history) : ops_(std::move(history)) {
        std::sort(ops_.begin(), ops_.end(),
                  [](const auto& a, const auto& b) { return a.called < b.called; });
        done_.resize(ops_.size());
    }

    bool run() { return from(std::nullopt); }

private:
    // Those that were called before any other open one was answered may be next.
    bool from(const value_now& now) {
        while (first_ < ops_.size() && done_[first_]) ++first_;
        std::int64_t horizon = kv_operation::never;
        bool is_open = false;
        for (std::size_t i = first_; i < ops_.size() && ops_[i].called <= horizon; ++i) {
            if (done_[i]) continue;
            horizon = std::min(horizon, ops_[i].answered);
            is_open = is_open || ops_[i].answered != kv_operation::never;
        }
        if (!is_open && horizon == kv_operation::never) return true;
        if (!seen_.insert({key(), now}).second) return false;
        const std::size_t first = first_;
        for (std::size_t i = first; i < ops_.size() && ops_[i].called <= horizon; ++i) {
            if (done_[i]) continue;
            const auto next = after(ops_[i], now);
            if (!next) continue;
            done_[i] = true;
            if (from(*next)) return true;
            done_[i] = false;
            first_ = first;
        }
        return false;
    }

    /// What is done: all before the first open one, and these.
    std::pair<std::size_t, std::vector<std::size_t>> key() const {
        std::vector<std::size_t> some;
        for (std::size_t i = first_; i < done_.size(); ++i)
            if (done_[i]) some.push_back(i);
        return {first_, std::move(some)};
    }

    std::vector<kv_operation> ops_;
    std::vector<bool> done_;
    std::size_t first_ = 0;
    std::set<std::pair<std::pair<std::size_t, std::vector<std::size_t>>, value_now>> seen_;
};

}  // namespace

bool is_linearizable(const std::vector<kv_operation>& history) {
    return search(history).run();
}

}  // namespace test
