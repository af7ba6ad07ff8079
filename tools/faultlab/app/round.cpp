#include "tools/faultlab/app/round.hpp"

#include <algorithm>
#include <cmath>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace faultlab {

namespace {

std::string should_have(fate promised) {
    switch (promised) {
        case fate::same:
            return "should have been left alone";
        case fate::restarted:
            return "should have been restarted";
        case fate::gone:
            break;
    }
    return "should not have been restarted";
}

std::string but(fate seen) {
    switch (seen) {
        case fate::same:
            return " and is the process it was";
        case fate::restarted:
            return " and is another process";
        case fate::gone:
            break;
    }
    return " and is gone";
}

beam::term in_us(const std::optional<std::chrono::microseconds>& t) {
    return t ? beam::term(t->count()) : beam::term(beam::atoms::null);
}

beam::term pid_or_null(const std::optional<beam::pid>& p) {
    return p ? beam::term(*p) : beam::term(beam::atoms::null);
}

void judge_end(round& r, const std::string& victim) {
    if (is_deadly(r.what) && !r.ended)
        r.broken.push_back(victim + " did not end within " + beam::print_duration(r.within));
    if (r.what == fault::terminate_hang && r.ended && r.reason != "killed")
        r.broken.push_back(victim + " did not have to be killed: it ended with " + r.reason);
    if (!r.came_to_rest && !r.tree_gone && (r.ended || !is_deadly(r.what)))
        r.broken.push_back("the tree did not come to rest within " +
                           beam::print_duration(r.within));
}

void judge_giving_up(round& r, const tree_rules& rules) {
    if (r.should_give_up == giving_up::either) return;
    const bool should = r.should_give_up == giving_up::yes;
    if (r.gave_up == should) return;
    const std::string limit = std::to_string(rules.intensity) + " restarts within " +
                              beam::print_duration(rules.period) + " are allowed";
    r.broken.push_back(should ? "the supervisor should have given up: " + limit
                              : "the supervisor should not have given up: " + limit);
}

}  // namespace

void judge(round& r, const tree_rules& rules, bool has_programs) {
    const std::string noun = has_programs ? "" : "worker ";
    if (!r.had_victim) return;
    if (r.tree_gone) {
        r.broken.emplace_back("the supervisor's parent gave up too: nothing of the tree is left");
        return;
    }
    judge_end(r, noun + r.children[r.victim].name);
    judge_giving_up(r, rules);
    std::vector<bool> present;
    for (const observed_child& c : r.children) present.push_back(c.before.has_value());
    const auto fates = promised(rules, r.what, r.victim, present, r.gave_up);
    for (std::size_t i = 0; i < fates.size(); ++i) {
        const observed_child& c = r.children[i];
        const std::string name = noun + c.name;
        if (c.seen() != fates[i])
            r.broken.push_back(name + " " + should_have(fates[i]) + but(c.seen()));
        else if (c.after && !c.answers)
            r.broken.push_back(name + " does not answer");
        else if (fates[i] == fate::same && !c.kept_state)
            r.broken.push_back(name + " has lost its state");
    }
    if (r.recovery && *r.recovery > r.within)
        r.broken.push_back("it took " + beam::print_duration(*r.recovery) + ", longer than " +
                           beam::print_duration(r.within));
    const bool shuts_out = r.what == fault::hang || r.what == fault::drop;
    if (shuts_out && !has_programs && r.answered_after && *r.answered_after < r.hold)
        r.broken.push_back(noun + r.children[r.victim].name + " answered all the same");
    if (shuts_out && r.others_answered_after && *r.others_answered_after > r.hold)
        r.broken.emplace_back(r.what == fault::hang ? "the others waited with the one that hung"
                                                    : "the others could not be reached either");
}

beam::term shown(const round& r, const tree_rules& rules) {
    using beam::atom;
    std::vector<beam::term> children, broken;
    for (const observed_child& c : r.children)
        children.push_back(beam::map({{atom("name"), c.name},
                                      {atom("change"), name_of(c.seen())},
                                      {atom("was_there"), c.before.has_value()},
                                      {atom("old_pid"), pid_or_null(c.before)},
                                      {atom("pid"), pid_or_null(c.after)},
                                      {atom("answers"), c.after.has_value() && c.answers}}));
    for (const std::string& why : r.broken) broken.emplace_back(why);
    return beam::map({
        {atom("event"), "fault"},
        {atom("n"), r.number},
        {atom("at_ms"), r.at.count()},
        {atom("fault"), name_of(r.what)},
        {atom("strategy"), strategy_names[std::size_t(rules.strategy)]},
        {atom("worker"), r.children[r.victim].name},
        {atom("skipped"), !r.had_victim},
        {atom("hold_ms"), is_lasting(r.what) ? beam::term(r.hold.count()) : beam::atoms::null},
        {atom("ended"), r.ended},
        {atom("reason"), r.ended ? beam::term(r.reason) : beam::term(beam::atoms::null)},
        {atom("gave_up"), r.gave_up},
        {atom("tree_gone"), r.tree_gone},
        {atom("recovery_us"), in_us(r.recovery)},
        {atom("answered_after_us"), in_us(r.answered_after)},
        {atom("lost_messages"), r.lost_messages},
        {atom("lost_state"), r.lost_state},
        {atom("workers"), beam::list_of(std::move(children))},
        {atom("as_promised"), r.broken.empty()},
        {atom("broken"), beam::list_of(std::move(broken))},
    });
}

std::optional<std::chrono::microseconds> percentile(std::vector<std::chrono::microseconds>& times,
                                                    double share) {
    if (times.empty()) return {};
    std::sort(times.begin(), times.end());
    const auto rank = std::size_t(std::ceil(share * double(times.size())));
    return times[std::clamp<std::size_t>(rank, 1, times.size()) - 1];
}

}  // namespace faultlab
