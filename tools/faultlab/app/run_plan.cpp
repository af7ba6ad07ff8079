#include "tools/faultlab/app/run_plan.hpp"

#include <regex.h>

#include <algorithm>
#include <functional>
#include <set>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/rate.hpp"
#include "libbeamcore/base/utf8.hpp"

namespace faultlab {

namespace {

using beam::refuse;
using std::chrono::milliseconds;
template <class T>
using checked = tl::expected<T, beam::request_error>;
using refusal = tl::unexpected<beam::request_error>;

constexpr std::uint64_t workers_default = 2;
constexpr std::uint64_t workers_default_of_rest =
    3;  // one before and one behind the victim can be seen
constexpr milliseconds within_default_of_programs{30'000};
constexpr std::size_t program_name_max = 64;

refusal wrong(std::string what, std::string why, std::string advice = {}) {
    auto r = refuse("bad_params", std::move(why), std::move(advice), 2);
    r.value().what = std::move(what);
    return r;
}

template <std::size_t N>
checked<std::size_t> word(const char* option, const std::array<std::string_view, N>& words,
                          const std::string& given) {
    const auto place = place_of(words, given);
    if (place) return *place;
    return wrong(std::string(option) + " " + given, "it is one of " + joined(words));
}

checked<std::uint64_t> number(const char* option, std::uint64_t given, std::uint64_t least,
                              std::uint64_t most) {
    if (given >= least && given <= most) return given;
    return wrong(std::string(option) + " " + std::to_string(given),
                 "it is from " + std::to_string(least) + " to " + std::to_string(most));
}

checked<bool> read_rules(const run_params& p, run_plan& plan) {
    const auto strategy = word("--strategy", strategy_names, p.strategy);
    if (!strategy) return refusal(strategy.error());
    const auto restart = word("--restart", restart_names, p.restart);
    if (!restart) return refusal(restart.error());
    const auto intensity = number("--intensity", p.intensity, 0, intensity_max);
    if (!intensity) return refusal(intensity.error());
    const auto period = number("--period", p.period_s, 1, std::uint64_t(time_max_ms / 1000));
    if (!period) return refusal(period.error());
    // The enums have the order of the words.
    plan.rules.strategy = beam::restart_strategy(*strategy);
    plan.rules.restart = beam::restart_type(*restart);
    plan.rules.intensity = int(*intensity);
    plan.rules.period = std::chrono::seconds(*period);
    return true;
}

checked<bool> read_workers(const run_params& p, run_plan& plan) {
    const bool rest = plan.rules.strategy == beam::restart_strategy::rest_for_one;
    const auto count =
        number("--workers", p.workers.value_or(rest ? workers_default_of_rest : workers_default), 1,
               workers_max);
    if (!count) return refusal(count.error());
    for (std::size_t i = 0; i < *count; ++i) plan.names.push_back(worker_name(i));
    return true;
}

checked<bool> read_programs(const run_params& p, run_plan& plan) {
    if (p.workers)
        return wrong("--workers " + std::to_string(*p.workers),
                     "the programs are the workers: their number says it");
    if (plan.rules.strategy == beam::restart_strategy::simple_one_for_one)
        return wrong("--strategy simple_one_for_one",
                     "its children are made from one specification, and programs have one each",
                     "faultlab run --strategy one_for_one -- 'NAME=CMD'");
    const auto count = number("NAME=CMD", p.programs.size(), 1, programs_max);
    if (!count) return refusal(count.error());
    std::set<std::string> known;
    for (const program_params& program : p.programs) {
        const std::string& name = program.name;
        if (name.empty() || name.size() > program_name_max || !beam::is_printable_utf8(name))
            return wrong(
                "program \"" + beam::escape_unprintable(name) + "\"",
                "a name has 1 to " + std::to_string(program_name_max) + " printable characters");
        if (program.command.empty()) return wrong("program " + name, "its command is empty");
        if (program.command.find('\0') != std::string::npos)
            return wrong("program " + name, "its command has a NUL byte");
        if (!known.insert(name).second)
            return wrong("program " + name, "there are two of that name");
        plan.names.push_back(name);
        plan.commands.push_back(program.command);
    }
    program_setting& s = plan.programs;
    s.folder = p.folder;
    s.env = p.env;
    s.ready.line = p.ready_line;
    s.ready.command = p.ready_command;
    const auto port = number("--ready-port", p.ready_port, 0, 65535);
    if (!port) return refusal(port.error());
    s.ready.port = std::uint16_t(*port);
    if (!s.ready.line.empty()) {
        regex_t compiled;
        const int failed = ::regcomp(&compiled, s.ready.line.c_str(), REG_EXTENDED | REG_NOSUB);
        if (failed != 0)
            return wrong("--ready-line " + s.ready.line, "not an extended regular expression");
        ::regfree(&compiled);
    }
    const auto within =
        time_of("--ready-within", p.ready_within_ms.value_or(s.ready.within.count()));
    if (!within) return refusal(within.error());
    s.ready.within = *within;
    const auto grace = time_of("--grace", p.grace_ms.value_or(s.grace.count()));
    if (!grace) return refusal(grace.error());
    s.grace = *grace;
    plan.within = within_default_of_programs;
    return true;
}

checked<bool> read_fault(const run_params& p, run_plan& plan) {
    if (const missing_fault* f = find_missing(p.fault))
        return wrong("--fault " + p.fault, std::string(f->why), std::string(f->instead));
    const auto what = word("--fault", fault_names, p.fault);
    if (!what) return refusal(what.error());
    plan.what = fault(*what);
    if (plan.has_programs() && !place_of(program_fault_names, p.fault))
        return wrong("--fault " + p.fault,
                     "for programs it is one of " + joined(program_fault_names));
    const auto hold = time_of("--hold", p.hold_ms.value_or(plan.hold.count()));
    if (!hold) return refusal(hold.error());
    plan.hold = *hold;
    const auto within = time_of("--within", p.within_ms.value_or(plan.within.count()));
    if (!within) return refusal(within.error());
    plan.within = *within;
    if (!p.victim) return true;
    const auto at = std::find(plan.names.begin(), plan.names.end(), *p.victim);
    if (at == plan.names.end()) {
        std::string all;
        for (std::size_t i = 0; i < plan.names.size() && i < 10; ++i)
            all += (i ? ", " : "") + plan.names[i];
        if (plan.names.size() > 10) all += ", ... " + plan.names.back();
        return wrong("--victim " + *p.victim,
                     "no such " + std::string(plan.has_programs() ? "program" : "worker") +
                         ": there are " + all);
    }
    plan.victim = std::size_t(at - plan.names.begin());
    return true;
}

bool keep_only(const std::vector<std::uint64_t>& places, std::vector<planned_fault>& faults) {
    if (places.empty()) return true;
    const bool fits = places.back() < faults.size() &&
                      std::is_sorted(places.begin(), places.end(), std::less_equal<>());
    if (!fits) return false;
    std::vector<planned_fault> kept;
    kept.reserve(places.size());
    for (const std::uint64_t at : places) kept.push_back(faults[at]);
    faults = std::move(kept);
    return true;
}

}  // namespace

checked<milliseconds> time_of(const char* option, std::int64_t ms) {
    if (ms >= 0 && ms <= time_max_ms) return milliseconds(ms);
    return wrong(option, "it is from 0 to " + beam::print_duration(milliseconds(time_max_ms)));
}

checked<std::vector<planned_fault>> schedule_of(const drawing_params& p) {
    schedule_request r;
    r.seed = p.seed;
    r.count = p.count;
    if (p.count) {
        const auto count = number("--count", *p.count, 1, faults_max);
        if (!count) return refusal(count.error());
    }
    if (p.for_ms) {
        const auto during = time_of("--for", *p.for_ms);
        if (!during) return refusal(during.error());
        r.during = *during;
    }
    if (p.rate && p.rate->ends_with('%')) {
        const auto percent = beam::parse_percent(*p.rate);
        if (!percent) return wrong("--rate " + *p.rate, "a probability is from 0% to 100%");
        r.percent = *percent;
    } else if (p.rate) {
        const auto rate = beam::parse_rate(*p.rate);
        if (!rate)
            return wrong("--rate " + *p.rate, "not a probability, as 10%, nor a rate, as 3/s");
        r.rate = *rate;
    }
    auto made = make_schedule(r);
    if (!made)
        return wrong("--for", made.error().detail + ": at most that many are planned",
                     "a lower --rate, or --count");
    return *std::move(made);
}

checked<std::shared_ptr<run_plan>> plan_of(const run_params& p) {
    auto plan = std::make_shared<run_plan>();
    auto read = read_rules(p, *plan);
    if (read) read = p.programs.empty() ? read_workers(p, *plan) : read_programs(p, *plan);
    if (read) read = read_fault(p, *plan);
    if (!read) return refusal(read.error());
    drawing_params drawing;
    drawing.count = p.count;
    drawing.rate = p.rate;
    drawing.for_ms = p.for_ms;
    drawing.seed = p.seed;
    auto faults = schedule_of(drawing);
    if (!faults) return refusal(faults.error());
    plan->seed = p.seed;
    plan->faults = *std::move(faults);
    if (!keep_only(p.only, plan->faults))
        return wrong("only", "places in a schedule of " + std::to_string(plan->faults.size()) +
                                 " faults, ascending");
    const bool is_single = !p.count && !p.rate && !p.for_ms;
    if (!plan->victim && (is_single || p.count == std::uint64_t{1})) plan->victim = 0;
    return plan;
}

beam::term shown(const run_plan& plan) {
    std::vector<beam::term> faults;
    faults.reserve(plan.faults.size());
    for (const planned_fault& f : plan.faults)
        faults.push_back(beam::map({{beam::atom("at_ms"), f.at.count()},
                                    {beam::atom("fault"), name_of(plan.what)},
                                    {beam::atom("worker"), plan.names[plan.victim_of(f)]}}));
    return beam::map({{beam::atom("dry_run"), true},
                      {beam::atom("seed"), plan.seed},
                      {beam::atom("programs"), plan.has_programs()},
                      {beam::atom("faults"), beam::list_of(std::move(faults))}});
}

std::string worker_name(std::size_t place) {
    std::string name;
    for (std::size_t n = place + 1; n > 0; n = (n - 1) / 26)
        name.insert(name.begin(), char('A' + (n - 1) % 26));
    return name;
}

}  // namespace faultlab
