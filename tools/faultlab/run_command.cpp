#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/rate.hpp"
#include "tools/faultlab/commands.hpp"
#include "tools/faultlab/junit.hpp"
#include "tools/faultlab/lines.hpp"
#include "tools/faultlab/shrink.hpp"

extern char** environ;

namespace faultlab {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

constexpr std::uint64_t trials_max = 100;  // of --shrink

[[noreturn]] void wrong(std::string what, std::string why, std::string next = {}) {
    failure error(exit_code::usage, std::move(why), std::move(next));
    error.what_failed = std::move(what);
    throw error;
}

// As the shell here would run them: its folder, its environment.
void add_programs(json& params, const run_options& o) {
    json programs = json::array();
    for (const std::string& text : o.programs) {
        const auto at = text.find('=');
        if (at == std::string::npos || at == 0)
            wrong(text, "a program is NAME=COMMAND",
                  "faultlab run -- 'web=python3 -m http.server'");
        programs.push_back({{"name", text.substr(0, at)}, {"command", text.substr(at + 1)}});
    }
    params["programs"] = std::move(programs);
    char* folder = ::getcwd(nullptr, 0);
    params["folder"] = folder ? folder : "/";
    std::free(folder);
    json env = json::object();
    for (char** e = environ; *e; ++e) {
        const std::string entry(*e);
        const auto at = entry.find('=');
        if (at == std::string::npos || at == 0) continue;
        // What is not UTF-8 cannot be said to a node.
        const json value = entry.substr(at + 1);
        if (value.dump(-1, ' ', false, json::error_handler_t::replace).find("\xEF\xBF\xBD") ==
            std::string::npos)
            env[entry.substr(0, at)] = value;
    }
    params["env"] = std::move(env);
    if (!o.ready_line.empty()) params["ready_line"] = o.ready_line;
    if (o.ready_port) params["ready_port"] = *o.ready_port;
    if (!o.ready_command.empty()) params["ready_command"] = o.ready_command;
    if (!o.ready_within.empty())
        params["ready_within_ms"] = milliseconds_of("--ready-within", o.ready_within);
    if (!o.grace.empty()) params["grace_ms"] = milliseconds_of("--grace", o.grace);
}

void refuse_program_options(const run_options& o) {
    if (!o.programs.empty()) return;
    const std::pair<const char*, bool> given[] = {{"--ready-line", !o.ready_line.empty()},
                                                  {"--ready-port", o.ready_port.has_value()},
                                                  {"--ready-cmd", !o.ready_command.empty()},
                                                  {"--ready-within", !o.ready_within.empty()},
                                                  {"--grace", !o.grace.empty()}};
    for (const auto& [option, is_given] : given)
        if (is_given)
            wrong(option, "it is for programs, and there are none",
                  "faultlab run " + std::string(option) + " ... -- 'NAME=COMMAND'");
}

json params_of(const run_options& o, const beam::tool::common_state& common) {
    json params = {{"strategy", o.strategy}, {"fault", o.fault}, {"dry_run", o.drawing.dry_run}};
    if (!o.restart.empty()) params["restart"] = o.restart;
    if (!o.victim.empty()) params["victim"] = o.victim;
    if (o.workers) params["workers"] = *o.workers;
    if (o.intensity) params["intensity"] = *o.intensity;
    if (!o.period.empty()) {
        const auto ms = milliseconds_of("--period", o.period);
        if (ms % 1000 != 0) wrong("--period " + o.period, "a supervisor counts in whole seconds");
        params["period_s"] = ms / 1000;
    }
    if (!o.hold.empty()) params["hold_ms"] = milliseconds_of("--hold", o.hold);
    if (!o.within.empty()) params["within_ms"] = milliseconds_of("--within", o.within);
    refuse_program_options(o);
    if (!o.programs.empty()) add_programs(params, o);
    const bool draws_times = !o.drawing.rate.empty() || !o.drawing.for_time.empty();
    add_drawing(params, o.drawing, o.drawing.is_drawn() && (o.victim.empty() || draws_times),
                common);
    return params;
}

// Prints the events of a run as they come.
class run_printer {
public:
    run_printer(beam::tool::common_state& common, junit_report& junit)
        : common_(common), junit_(junit) {}

    void take(const json& event) {
        junit_.add(event);
        const std::string kind = event.value("event", "");
        if (kind == "started") {
            programs_ = event.value("programs", false);
            common_.trace(1, "supervisor " + event.value("supervisor", "") + ", seed " +
                                 std::to_string(event.value("seed", std::uint64_t{0})));
        }
        if (common_.quiet) return;
        if (common_.json)
            common_.out.flushed_line(event.dump());
        else if (kind == "fault")
            print(round_lines(event, programs_));
        else if (kind == "unexpected")
            print(unexpected_lines(event, programs_));
    }

    exit_code end(const json& summary) {
        const bool single = summary.value("planned", 0) == 1;
        if (common_.json || !single) common_.print(summary_line(summary), summary);
        return summary.value("kept", false) ? exit_code::done : exit_code::no;
    }

private:
    void print(const text_lines& lines) {
        for (const std::string& line : lines) common_.out.line(line);
        common_.out.flush();
    }

    beam::tool::common_state& common_;
    junit_report& junit_;
    bool programs_ = false;
};

}  // namespace

std::int64_t milliseconds_of(const char* option, const std::string& text) {
    const auto parsed = beam::parse_duration(text);
    if (parsed) return std::chrono::ceil<std::chrono::milliseconds>(*parsed).count();
    wrong(std::string(option) + " " + text, parsed.error().is("missing_unit")
                                                ? "a duration needs a unit, as in " + text + "s"
                                                : "not a duration, as 250ms, 10s or 1m30s");
}

void add_drawing(json& params, const drawing_options& o, bool depends,
                 const beam::tool::common_state& common) {
    if (o.count) params["count"] = *o.count;
    if (!o.rate.empty()) {
        const bool fits = o.rate.back() == '%' ? beam::parse_percent(o.rate).has_value()
                                               : beam::parse_rate(o.rate).has_value();
        if (!fits)
            wrong("--rate " + o.rate, "neither a probability, as 10%, nor a rate, as 3/s or 10/2m");
        params["rate"] = o.rate;
    }
    if (!o.for_time.empty()) params["for_ms"] = milliseconds_of("--for", o.for_time);
    const std::uint64_t seed = o.seed ? *o.seed : std::random_device{}();
    params["seed"] = seed;
    if (!o.seed && depends) say_seed(seed, common);
}

void say_seed(std::uint64_t seed, const beam::tool::common_state& common) {
    if (common.quiet || common.json) return;
    beam::tool::output err(2);
    err.line("faultlab: seed=" + std::to_string(seed));
    err.flush();
}

namespace {

// Runs it again with parts of its schedule, and prints the smallest that still fails.
void shrink(client& node, json params, std::uint64_t planned) {
    auto& common = *node.common();
    const shrunk s = smallest_failing(planned, trials_max, [&](const fault_places& places) {
        params["only"] = places;
        const auto end = node.stream("faultlab.run", params, [](const json&) { return true; });
        return end && !end->value("kept", false);
    });
    params["only"] = s.places;
    params["dry_run"] = true;
    json plan = node.ask("faultlab.run", params);
    const std::string count = std::to_string(s.places.size());
    const std::string head = "shrunk: " + count + " of " + std::to_string(planned) +
                             (s.places.size() == 1 ? " faults fails" : " faults fail") + " (" +
                             std::to_string(s.trials) + " more runs)";
    plan["event"] = "shrunk";
    plan["of"] = planned;
    plan["trials"] = s.trials;
    plan.erase("dry_run");
    if (common.quiet) return;
    common.out.flushed_line(common.json ? plan.dump() : head + "\n" + joined(plan_lines(plan)));
}

}  // namespace

exit_code run(client& node, const run_options& o) {
    auto& common = *node.common();
    const json params = params_of(o, common);
    if (o.drawing.dry_run) {
        const json plan = node.ask("faultlab.run", params);
        common.print(joined(plan_lines(plan)), plan);
        return exit_code::done;
    }
    junit_report junit(o.junit);
    run_printer printer(common, junit);
    try {
        const auto summary = node.stream("faultlab.run", params, [&](const json& event) {
            printer.take(event);
            return true;
        });
        junit.write();
        const json end = summary.value_or(json::object());
        const auto planned = end.value("planned", std::uint64_t{0});
        if (o.shrink && planned > 1 && !end.value("kept", false)) shrink(node, params, planned);
        return printer.end(end);
    } catch (const failure& error) {
        junit.write(error.why);
        throw;
    } catch (const beam::tool::interrupted&) {
        junit.write("interrupted");
        throw;
    } catch (const beam::tool::connection_lost&) {
        junit.write("the node ended");
        throw;
    }
}

}  // namespace faultlab
