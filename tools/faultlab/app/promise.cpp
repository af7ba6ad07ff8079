#include "tools/faultlab/app/promise.hpp"

namespace faultlab {

using beam::restart_strategy;
using beam::restart_type;

std::string_view name_of(fate f) {
    switch (f) {
        case fate::same:
            return "same";
        case fate::restarted:
            return "restarted";
        case fate::gone:
            break;
    }
    return "gone";
}

bool is_deadly(fault f) {
    return !is_lasting(f);
}

bool is_abnormal(fault f) {
    return is_deadly(f) && f != fault::exit_normal && f != fault::terminate_hang;
}

namespace {

// OTP counts in whole seconds: a restart is in the window as long as it is no more than the period old.
std::int64_t seconds(std::chrono::nanoseconds t) {
    return std::chrono::floor<std::chrono::seconds>(t).count();
}

}  // namespace

giving_up restart_history::one_more(const tree_rules& rules, std::chrono::nanoseconds after,
                                    std::chrono::nanoseconds before) const {
    const std::int64_t period = rules.period.count();
    int certain = 1, possible = 1;
    for (const span& s : all_) {
        if (seconds(s.after) >= seconds(before) - period) ++certain;
        if (seconds(s.before) >= seconds(after) - period) ++possible;
    }
    if (certain > rules.intensity) return giving_up::yes;
    return possible > rules.intensity ? giving_up::either : giving_up::no;
}

bool is_restarted(const tree_rules& rules, fault f) {
    // This one is stopped on purpose, and started again on purpose, which a temporary child cannot be.
    if (f == fault::terminate_hang) return rules.restart != restart_type::temporary;
    if (!is_deadly(f) || rules.restart == restart_type::temporary) return false;
    return rules.restart == restart_type::permanent || is_abnormal(f);
}

std::vector<fate> promised(const tree_rules& rules, fault f, std::size_t victim,
                           const std::vector<bool>& present, bool gave_up) {
    std::vector<fate> all(present.size(), fate::gone);
    const bool is_simple = rules.strategy == restart_strategy::simple_one_for_one;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (gave_up) {
            if (!is_simple) all[i] = fate::restarted;
            continue;
        }
        if (present[i]) all[i] = fate::same;
    }
    if (gave_up || !is_deadly(f)) return all;
    if (!is_restarted(rules, f)) {
        all[victim] = fate::gone;
        return all;
    }
    all[victim] = fate::restarted;
    if (f == fault::terminate_hang) return all;
    // A restart takes along those that were stopped before, too: it starts all of its range.
    for (std::size_t i = 0; i < all.size(); ++i) {
        const bool is_taken_along =
            rules.strategy == restart_strategy::one_for_all ||
            (rules.strategy == restart_strategy::rest_for_one && i > victim);
        if (is_taken_along) all[i] = fate::restarted;
    }
    return all;
}

}  // namespace faultlab
