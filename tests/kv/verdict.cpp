#include "tests/kv/verdict.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "tests/support/kv_history.hpp"

namespace test {

namespace {

using act = kv_event::act;
using end = kv_event::end;

constexpr std::int64_t age_max_ms = 1600;
constexpr std::int64_t age_max = age_max_ms * 1'000'000;

bool is_write(const kv_event& e) {
    return e.what != act::get;
}

bool is_replicas(const kv_event& e) {
    return e.what == act::get && e.told == end::done && !e.by_primary;
}

/// The event of a key as the checker of histories knows it.
std::optional<kv_operation> operation_of(const kv_event& e) {
    using kind = kv_operation::kind;
    if (e.told == end::nothing || is_replicas(e)) return std::nullopt;
    if (!is_write(e) && e.told != end::done) return std::nullopt;
    kv_operation op;
    op.called = e.called;
    if (e.told != end::unknown) op.answered = e.answered;
    op.wanted = e.wanted;
    op.expected = e.expected;
    op.found = e.found;
    op.refused = e.told == end::refused;
    switch (e.what) {
        case act::get:
            op.what = kind::read;
            break;
        case act::put:
            op.what = kind::put;
            break;
        case act::swap:
            op.what = kind::compare_and_put;
            break;
        case act::erase:
            // Told that there is none: it read that.
            op.what = op.refused ? kind::read : kind::remove;
            break;
        case act::incr:
            return std::nullopt;
    }
    return op;
}

std::string shown(const kv_event& e) {
    static constexpr const char* acts[] = {"get", "put", "swap", "delete", "incr"};
    return std::string(acts[std::size_t(e.what)]) + " " + e.key + " by client " +
           std::to_string(e.client) + " at " + std::to_string(e.called / 1'000'000) + ".." +
           std::to_string(e.answered / 1'000'000) + " ms through " + e.node + " (version " +
           std::to_string(e.version) + ", " + (is_write(e) ? e.wanted : e.found.value_or("none")) +
           ")";
}

/// The greatest version told by a moment.
class versions_told {
public:
    void add(const kv_event& e) { told_.emplace_back(e.answered, &e); }
    void close() {
        std::sort(told_.begin(), told_.end(),
                  [](const auto& a, const auto& b) { return a.first < b.first; });
        for (std::size_t i = 1; i < told_.size(); ++i)
            if (told_[i - 1].second->version > told_[i].second->version)
                told_[i].second = told_[i - 1].second;
    }
    [[nodiscard]] const kv_event* before(std::int64_t when) const {
        const auto it = std::lower_bound(told_.begin(), told_.end(), when,
                                         [](const auto& a, std::int64_t t) { return a.first < t; });
        return it == told_.begin() ? nullptr : std::prev(it)->second;
    }

private:
    std::vector<std::pair<std::int64_t, const kv_event*>> told_;
};

/// When a value may go by itself; never: it does not. Nodes count from a whole millisecond of another clock.
std::int64_t due_of(const kv_event& e) {
    if (e.ttl_ms == 0) return kv_operation::never;
    return e.called + (e.ttl_ms - 5) * 1'000'000;
}

/// Whether a removal after that write may have been done by then.
bool may_be_removed(const kv_record& all, std::uint64_t version, std::int64_t by) {
    return std::any_of(all.begin(), all.end(), [&](const kv_event& e) {
        if (due_of(e) <= by) return true;
        if (e.what != act::erase || e.called > by) return false;
        return e.told == end::unknown || (e.told == end::done && e.version >= version);
    });
}

}  // namespace

std::map<std::string, kv_record> by_key(const kv_record& all) {
    std::map<std::string, kv_record> keys;
    for (const kv_event& e : all) keys[e.key].push_back(e);
    for (auto& [key, some] : keys)
        std::sort(some.begin(), some.end(),
                  [](const auto& a, const auto& b) { return a.called < b.called; });
    return keys;
}

complaints judge_values(const kv_record& one_key) {
    std::vector<kv_operation> ops;
    for (const kv_event& e : one_key) {
        if (auto op = operation_of(e)) ops.push_back(*std::move(op));
        if (e.ttl_ms == 0 || e.told == end::nothing) continue;
        kv_operation expiry;
        expiry.what = kv_operation::kind::remove;
        expiry.called = due_of(e);
        ops.push_back(std::move(expiry));
    }
    if (is_linearizable(ops)) return {};
    // The first moment by which it is wrong says where to look.
    std::vector<std::int64_t> moments;
    for (const kv_operation& op : ops)
        if (op.answered != kv_operation::never) moments.push_back(op.answered);
    std::sort(moments.begin(), moments.end());
    std::size_t good = 0, bad = moments.size();
    while (bad - good > 1) {
        const std::size_t middle = (good + bad) / 2;
        std::vector<kv_operation> some;
        for (kv_operation op : ops) {
            if (op.called > moments[middle - 1]) continue;
            const bool is_read = op.what == kv_operation::kind::read;
            if (op.answered > moments[middle - 1]) {
                if (is_read) continue;
                op.answered = kv_operation::never;
                op.refused = false;
            }
            some.push_back(std::move(op));
        }
        (is_linearizable(some) ? good : bad) = middle;
    }
    const std::int64_t when = moments[bad - 1];
    std::string last;
    for (const kv_event& e : one_key)
        if (e.answered == when) last = shown(e);
    return {"not linearizable: " + one_key.front().key + ", by " + last};
}

complaints judge_versions(const kv_record& one_key) {
    complaints all;
    versions_told told;
    std::map<std::uint64_t, std::string> values;
    std::set<std::uint64_t> written;
    for (const kv_event& e : one_key) {
        if (e.told != end::done || e.version == 0) continue;
        if (is_write(e) && !written.insert(e.version).second)
            all.push_back("two writes with one version: " + shown(e));
        const std::string value = is_write(e) ? e.wanted : e.found.value_or("");
        if (e.what != act::erase && values.try_emplace(e.version, value).first->second != value)
            all.push_back("another value of that version: " + shown(e));
        if (!is_replicas(e)) told.add(e);
    }
    told.close();
    for (const kv_event& e : one_key) {
        if (e.told != end::done || e.version == 0 || is_replicas(e)) continue;
        const kv_event* newer = told.before(e.called);
        if (newer && (newer->version > e.version || (is_write(e) && newer->version == e.version)))
            all.push_back("gone back: " + shown(e) + " after " + shown(*newer));
    }
    return all;
}

complaints judge_replicas(const kv_record& one_key) {
    complaints all;
    versions_told acknowledged, told;
    for (const kv_event& e : one_key) {
        if (e.told != end::done || e.version == 0 || is_replicas(e)) continue;
        told.add(e);
        if (is_write(e)) acknowledged.add(e);
    }
    acknowledged.close();
    told.close();
    const auto misses = [&](const kv_event& e, const kv_event* newest) {
        if (!newest) return false;
        if (e.found) return e.version < newest->version;
        return newest->what != act::erase && !may_be_removed(one_key, newest->version, e.answered);
    };
    for (const kv_event& e : one_key) {
        if (!is_replicas(e)) continue;
        if (const kv_event* newest = acknowledged.before(e.called); misses(e, newest))
            all.push_back("a replica misses what was acknowledged: " + shown(e) + " after " +
                          shown(*newest));
        if (const kv_event* newest = told.before(e.called - age_max); misses(e, newest))
            all.push_back("a replica's answer is too old: " + shown(e) + " after " +
                          shown(*newest));
        if (e.age_ms > age_max_ms) all.push_back("a replica says it is too old: " + shown(e));
    }
    return all;
}

complaints judge_sums(const kv_record& one_key) {
    complaints all;
    std::uint64_t sum = 0, open = 0;
    for (const kv_event& e : one_key) {
        const bool is_told = e.told == end::done && (e.what == act::incr || e.by_primary);
        if (e.what == act::incr && e.told == end::unknown) ++open;
        if (!is_told) continue;
        const std::uint64_t least = sum + (e.what == act::incr ? 1 : 0);
        const std::uint64_t told = std::stoull(e.found.value_or("0"));
        if (told < least || told > least + open) {
            all.push_back("a sum of " + std::to_string(told) + " where " + std::to_string(least) +
                          " was due, and " + std::to_string(open) +
                          " more may have been added: " + shown(e));
            return all;
        }
        open -= told - least;
        sum = told;
    }
    return all;
}

complaints judge_together(const kv_record& all) {
    std::map<std::uint64_t, std::vector<const kv_event*>> requests;
    for (const kv_event& e : all)
        if (e.together != 0 && e.what == act::get && e.told == end::done)
            requests[e.together].push_back(&e);
    complaints found;
    for (const auto& [number, some] : requests)
        for (const kv_event* e : some)
            if (e->found != some.front()->found || e->version != some.front()->version)
                found.push_back("only a part of a transaction: " + shown(*e) + " beside " +
                                shown(*some.front()));
    return found;
}

complaints judge(const kv_record& all) {
    complaints found;
    const auto add = [&](complaints more) { found.insert(found.end(), more.begin(), more.end()); };
    add(judge_together(all));
    for (const auto& [key, some] : by_key(all)) {
        const bool is_sum = std::any_of(some.begin(), some.end(),
                                        [](const kv_event& e) { return e.what == act::incr; });
        if (is_sum) {
            add(judge_sums(some));
            continue;
        }
        add(judge_values(some));
        add(judge_versions(some));
        add(judge_replicas(some));
    }
    return found;
}

}  // namespace test
