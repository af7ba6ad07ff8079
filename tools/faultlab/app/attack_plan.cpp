#include <algorithm>
#include <tuple>

#include "libbeamcore/base/utf8.hpp"
#include "tools/faultlab/app/attack.hpp"
#include "tools/faultlab/app/run_plan.hpp"

namespace faultlab {

namespace {

using beam::atom;
using beam::awaitable;
using victims = tl::expected<std::vector<target>, beam::request_error>;
using refusal = tl::unexpected<beam::request_error>;

constexpr std::size_t pattern_max = 1000;

refusal wrong(std::string what, std::string why) {
    auto r = beam::refuse("bad_params", std::move(why), {}, 2);
    r.value().what = std::move(what);
    return r;
}

}  // namespace

tl::expected<std::shared_ptr<attack_plan>, beam::request_error> plan_of(const attack_params& p) {
    auto plan = std::make_shared<attack_plan>();
    if (p.target.empty() || p.target.size() > pattern_max)
        return wrong("--target", "a name or pattern of 1 to " + std::to_string(pattern_max) +
                                     " bytes is needed");
    if (!place_of(attack_names, p.fault))
        return wrong("--fault " + p.fault, "an attack can do " + joined(attack_names));
    const auto hold = time_of("--hold", p.hold_ms);
    if (!hold) return refusal(hold.error());
    const auto within = time_of("--within", p.within_ms);
    if (!within) return refusal(within.error());
    drawing_params drawing;
    drawing.count = p.count;
    drawing.rate = p.rate;
    drawing.for_ms = p.for_ms;
    drawing.seed = p.seed;
    auto faults = schedule_of(drawing);
    if (!faults) return refusal(faults.error());
    plan->pattern = p.target;
    plan->what = fault(*place_of(fault_names, p.fault));
    plan->hold = *hold;
    plan->within = *within;
    if (p.for_ms) plan->during = std::chrono::milliseconds(*p.for_ms);
    plan->include_system = p.include_system;
    plan->seed = p.seed;
    plan->faults = *std::move(faults);
    return plan;
}

awaitable<victims> victims_of(std::shared_ptr<const attack_plan> plan) {
    auto looking = all_targets(true);
    const std::vector<target> all = co_await looking;
    std::vector<target> chosen;
    bool spared = false;
    for (const target& t : all) {
        if (!matches(t, plan->pattern)) continue;
        if (t.is_system && !plan->include_system)
            spared = true;
        else
            chosen.push_back(t);
    }
    std::sort(chosen.begin(), chosen.end(), [](const target& a, const target& b) {
        return std::tie(a.name, a.pid) < std::tie(b.name, b.pid);
    });
    if (!chosen.empty()) co_return chosen;
    const std::string pattern = beam::escape_unprintable(plan->pattern);
    if (spared)
        co_return beam::refuse(
            "is_system", "\"" + pattern + "\" is the node's own, or what an application stands on",
            "faultlab attack --include-system --target '" + pattern + "'", 77);
    co_return beam::refuse("not_found", "no process \"" + pattern + "\" in any supervision tree",
                           "observer tree", 1);
}

beam::term shown(const attack_plan& plan, const std::vector<target>& found) {
    std::vector<beam::term> list, faults;
    for (const target& t : found)
        list.push_back(beam::map(
            {{atom("name"), t.name}, {atom("application"), t.application}, {atom("pid"), t.pid}}));
    for (const planned_fault& f : plan.faults)
        faults.push_back(beam::map({{atom("at_ms"), f.at.count()},
                                    {atom("fault"), name_of(plan.what)},
                                    {atom("name"), found[f.draw % found.size()].name}}));
    return beam::map({{atom("dry_run"), true},
                      {atom("seed"), plan.seed},
                      {atom("fault"), name_of(plan.what)},
                      {atom("victims"), beam::list_of(std::move(list))},
                      {atom("faults"), beam::list_of(std::move(faults))}});
}

}  // namespace faultlab
