#include "tests/support/kv_history.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace test {

namespace {

using value_now = std::optional<std::string>;
using history = std::vector<kv_operation>;
using kind = kv_operation::kind;

bool has_answer(const kv_operation& op) {
    return op.answered != kv_operation::never;
}

/// What the key is after the operation, if the operation could be next.
std::optional<value_now> after(const kv_operation& op, const value_now& now) {
    switch (op.what) {
        case kind::read:
            if (op.found != now) return std::nullopt;
            return now;
        case kind::put:
            return value_now(op.wanted);
        case kind::remove:
            return value_now();
        case kind::compare_and_put: {
            const bool holds = now == value_now(op.expected);
            if (!has_answer(op)) return holds ? value_now(op.wanted) : now;
            if (holds == op.refused) return std::nullopt;
            return holds ? value_now(op.wanted) : now;
        }
    }
    return std::nullopt;
}

class search {
public:
    explicit search(history all) {
        for (kv_operation& op : all) (has_answer(op) ? ops_ : open_).push_back(std::move(op));
        std::sort(ops_.begin(), ops_.end(),
                  [](const auto& a, const auto& b) { return a.called < b.called; });
        done_.resize(ops_.size());
        is_open_done_.resize(open_.size());
    }

    /// Not by recursion: a path is as long as the history.
    bool run() {
        std::vector<step> path;
        value_now now;
        for (;;) {
            while (first_ < ops_.size() && done_[first_]) ++first_;
            if (first_ == ops_.size()) return true;
            if (seen_.insert(state(now)).second) path.push_back(step_from(now));
            std::optional<value_now> next;
            while (!path.empty() && !(next = take_next(path.back()))) path.pop_back();
            if (!next) return false;
            now = *std::move(next);
        }
    }

private:
    /// One that was taken, and which could be taken instead: those that were called before any other was answered, and of
    /// those without an answer that were called by then, all.
    struct step {
        std::size_t first, window;
        std::int64_t horizon;
        value_now before;
        std::size_t next = 0;
        std::optional<std::size_t> taken{};
    };

    [[nodiscard]] step step_from(value_now now) const {
        const std::int64_t horizon = first_answer();
        std::size_t end = first_;
        while (end < ops_.size() && ops_[end].called <= horizon) ++end;
        return {first_, end - first_, horizon, std::move(now)};
    }

    [[nodiscard]] const kv_operation& choice(const step& s, std::size_t n) const {
        return n < s.window ? ops_[s.first + n] : open_[n - s.window];
    }
    std::vector<bool>::reference mark(const step& s, std::size_t n) {
        return n < s.window ? done_[s.first + n] : is_open_done_[n - s.window];
    }

    /// What the key is after the next one that can be taken; nothing: there is none any more.
    std::optional<value_now> take_next(step& s) {
        if (s.taken) mark(s, *s.taken) = false;
        s.taken.reset();
        first_ = s.first;
        while (s.next < s.window + open_.size()) {
            const std::size_t n = s.next++;
            const kv_operation& op = choice(s, n);
            if (mark(s, n) || op.called > s.horizon) continue;
            auto next = after(op, s.before);
            // One without an answer that changes nothing need not have happened.
            if (!next || (!has_answer(op) && *next == s.before)) continue;
            mark(s, n) = true;
            s.taken = n;
            return next;
        }
        return std::nullopt;
    }

    [[nodiscard]] std::int64_t first_answer() const {
        std::int64_t first = kv_operation::never;
        for (std::size_t i = first_; i < ops_.size() && ops_[i].called <= first; ++i)
            if (!done_[i]) first = std::min(first, ops_[i].answered);
        return first;
    }

    /// What is done: all before the first that is not, these after it, and these of the open ones.
    using position =
        std::tuple<std::size_t, std::vector<std::size_t>, std::vector<bool>, value_now>;

    [[nodiscard]] position state(const value_now& now) const {
        std::vector<std::size_t> some;
        const std::int64_t horizon = ops_[first_].answered;
        for (std::size_t i = first_; i < ops_.size() && ops_[i].called <= horizon; ++i)
            if (done_[i]) some.push_back(i);
        return {first_, std::move(some), is_open_done_, now};
    }

    history ops_, open_;  // with an answer, by their calls; without one
    std::vector<bool> done_, is_open_done_;
    std::size_t first_ = 0;
    std::set<position> seen_;
};

/// When each value was first seen for sure: by a read, or by a swap that found it.
std::map<std::string, std::int64_t> first_seen(const history& all) {
    std::map<std::string, std::int64_t> seen;
    const auto note = [&](const std::string& value, std::int64_t when) {
        const auto at = seen.try_emplace(value, when).first;
        at->second = std::min(at->second, when);
    };
    for (const kv_operation& op : all) {
        if (op.what == kind::read && op.found) note(*op.found, op.answered);
        if (op.what == kind::compare_and_put && has_answer(op) && !op.refused)
            note(op.expected, op.answered);
    }
    return seen;
}

/// Without the writes that have no answer and were not seen. That they did not happen is one of the possibilities; only a
/// swap that was refused may need one of them.
history of_seen_writes(const history& all) {
    const auto seen = first_seen(all);
    history some;
    for (const kv_operation& op : all) {
        const bool is_write = op.what == kind::put || op.what == kind::compare_and_put;
        if (has_answer(op) || !is_write || seen.contains(op.wanted)) some.push_back(op);
    }
    return some;
}

}  // namespace

bool is_linearizable(const history& all) {
    history some = of_seen_writes(all);
    if (search(some).run()) return true;
    // Without what changed nothing, these unseen writes cannot matter; all together are tried last, since that takes long.
    const auto refused =
        std::erase_if(some, [](const kv_operation& op) { return op.refused && has_answer(op); });
    return refused > 0 && search(some).run() && search(all).run();
}

}  // namespace test
