// faultlab: a thin client. The trees, the faults and the watching are in app/.
#include <CLI/CLI.hpp>

#include "tools/common/suggestion.hpp"
#include "tools/faultlab/app/words.hpp"
#include "tools/faultlab/commands.hpp"

namespace {

using beam::client;
using beam::tool::exit_code;

/// An option whose value is one of a list. Another word is a failure with exit 2 that names the nearest.
template <std::size_t N>
void add_choice(CLI::App& command, const char* name, std::string& value, const char* description,
                const std::array<std::string_view, N>& words) {
    auto check = [name, words](std::string& given) {
        if (faultlab::place_of(words, given)) return std::string();
        std::string why = "it is one of " + faultlab::joined(words), next;
        if (const auto* missing = faultlab::find_missing(given)) {
            why = missing->why;
            next = missing->instead;
        } else if (auto near = beam::tool::nearest(given, {words.begin(), words.end()})) {
            why += ", did you mean \"" + *near + "\"?";
        }
        beam::tool::failure error(exit_code::usage, std::move(why), std::move(next));
        error.what_failed = std::string(name) + " " + given;
        throw error;
        return std::string();
    };
    command.add_option(name, value, description)
        ->option_text("NAME")
        ->check(CLI::Validator(check, std::string()))
        ->type_name("{" + faultlab::joined(words, ",") + "}");
}

void add_number(CLI::App& command, const char* name, std::optional<std::uint64_t>& value,
                const char* description) {
    command.add_option(name, value, description)
        ->option_text("N")
        ->check(beam::tool::whole_number(name));
}

void add_duration(CLI::App& command, const char* name, std::string& value,
                  const char* description) {
    command.add_option(name, value, description)->option_text("DUR");
}

void add_drawing_options(CLI::App& command, faultlab::drawing_options& o) {
    add_number(command, "--count", o.count, "So many faults (1)");
    command
        .add_option("--rate", o.rate,
                    "Faults in a time, as 3/s, or the probability of each, as 10%")
        ->option_text("RATE");
    add_duration(command, "--for", o.for_time, "All of them within this time");
    add_number(command, "--seed", o.seed, "Draws the same victims and times again");
    command.add_flag("-n,--dry-run", o.dry_run, "Only say what would be done");
}

CLI::App* add_run(CLI::App& app, faultlab::run_options& o) {
    auto* run = app.add_subcommand("run", "Try a supervision tree, or programs under a supervisor");
    beam::tool::examples(
        *run,
        "faultlab run --strategy one_for_one\n"
        "faultlab run --fault kill --ready-port 8000 -- 'web=python3 -m http.server'");
    add_choice(*run, "--strategy", o.strategy, "Of the supervisor (one_for_one)",
               faultlab::strategy_names);
    add_number(*run, "--workers", o.workers, "So many (2; of rest_for_one 3)");
    add_choice(*run, "--restart", o.restart, "When a worker is restarted (permanent)",
               faultlab::restart_names);
    add_choice(*run, "--fault", o.fault, "What is done to the victim (crash)",
               faultlab::fault_names);
    run->add_option("--victim", o.victim, "Who has the faults (A; of several faults, drawn)")
        ->option_text("NAME");
    add_drawing_options(*run, o.drawing);
    add_number(*run, "--intensity", o.intensity, "Restarts that the supervisor bears (1)");
    add_duration(*run, "--period", o.period, "Within this time (5s)");
    add_duration(*run, "--hold", o.hold, "How long a hang or slowness lasts (500ms)");
    add_duration(*run, "--within", o.within, "A recovery must be done (5s; of programs 30s)");
    run->add_flag("--shrink", o.shrink,
                  "If it fails, try again with fewer faults, and print the fewest that fail");
    run->add_option("--junit", o.junit, "Write a report for CI into this file")
        ->option_text("FILE");
    run->add_option("--ready-line", o.ready_line, "Programs: ready when a line of output matches")
        ->option_text("REGEX");
    add_number(*run, "--ready-port", o.ready_port,
               "Programs: ready when this port of 127.0.0.1 answers");
    run->add_option("--ready-cmd", o.ready_command, "Programs: ready when this command succeeds")
        ->option_text("CMD");
    add_duration(*run, "--ready-within", o.ready_within, "Programs: they must be ready (10s)");
    add_duration(*run, "--grace", o.grace, "Programs: between SIGTERM and SIGKILL (1s)");
    run->add_option("PROGRAM", o.programs, "NAME=COMMAND, behind --: programs instead of workers")
        ->option_text(" ");
    return run;
}

CLI::App* add_attack(CLI::App& app, faultlab::attack_options& o) {
    auto* attack = app.add_subcommand("attack", "Do it to processes of a living node");
    beam::tool::examples(*attack,
                         "faultlab attack --target 'room general'\n"
                         "faultlab attack --target 'room *' --count 3 --for 30s");
    attack->add_option("--target", o.target, "A name, or a pattern of them: room *")
        ->option_text("GLOB")
        ->required();
    add_choice(*attack, "--fault", o.fault, "What is done to each victim (kill)",
               faultlab::attack_names);
    add_drawing_options(*attack, o.drawing);
    add_duration(*attack, "--hold", o.hold, "How long a hang or slowness lasts (1s)");
    add_duration(*attack, "--within", o.within, "A victim must be back (5s)");
    attack->add_flag("--include-system", o.include_system,
                     "The node's own processes and applications' top supervisors too");
    return attack;
}

CLI::App* add_script(CLI::App& app, faultlab::script_options& o) {
    auto* script = app.add_subcommand("script", "Run timed faults and expectations from a file");
    beam::tool::examples(*script,
                         "faultlab script outage.faults\n"
                         "faultlab script outage.faults --check 'chatctl list'");
    script->add_option("FILE", o.file, "One step a line; - reads stdin")->required();
    script->add_option("--check", o.check, "A command that must succeed all the time")
        ->option_text("CMD");
    add_number(*script, "--seed", o.seed, "Draws the same victims again");
    script->add_flag("-n,--dry-run", o.dry_run, "Only say what would be done");
    return script;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Faults on purpose, and what supervisors make of them", "faultlab"};
    auto common = beam::tool::add_common_options(app);
    app.require_subcommand(1);
    beam::tool::examples(app,
                         "faultlab run --strategy one_for_one\n"
                         "faultlab attack --target 'room *' --count 3 --for 30s");

    faultlab::run_options run_with;
    faultlab::attack_options attack_with;
    auto* run = add_run(app, run_with);
    auto* attack = add_attack(app, attack_with);
    faultlab::script_options script_with;
    auto* script = add_script(app, script_with);
    auto* list = app.add_subcommand("list", "List the runs and attacks under way");
    auto* clear = app.add_subcommand("clear", "End all of them, and undo what they did");
    for (const auto* command : {run, attack, script, clear})
        beam::tool::runs_once(*command, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        if (run->parsed()) return faultlab::run(node, run_with);
        if (attack->parsed()) return faultlab::attack(node, attack_with);
        if (script->parsed()) return faultlab::script(node, script_with);
        if (list->parsed()) return faultlab::list(node);
        return faultlab::clear(node);
    });
}
