// observer: shows a node's processes, trees and applications. It only reads, unless told --write.
#include <CLI/CLI.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/observer/ask.hpp"
#include "tools/observer/batch.hpp"
#include "tools/observer/change.hpp"
#include "tools/observer/interactive.hpp"

namespace {

using namespace observer;
using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

struct typed {
    process_query query;
    std::uint64_t count = 0;
    std::string every, for_time, root, pid;
    bool once = false, installed = false, with_state = false;
    change_options change;
};

void add_list_options(CLI::App& command, process_query& query) {
    command
        .add_option("--sort", query.sort, "memory, reductions, rate, queue, name or pid (memory)")
        ->option_text("KEY")
        ->type_name("{memory,reductions,rate,queue,name,pid}");
    command.add_option("--limit", query.limit, "At most so many, 0 for all (20)")
        ->option_text("N")
        ->check(beam::tool::whole_number("--limit"));
    command.add_flag("--reverse", query.reverse, "In the opposite order");
    command.add_option("--filter", query.filter, "Only those whose name or code contains TEXT")
        ->option_text("TEXT");
    command.add_option("--parent", query.parent, "Only the children of a process")
        ->option_text("PID");
}

void add_repetition(CLI::App& command, typed& t) {
    command.add_flag("--once", t.once, "Print once and leave, on a terminal too");
    command.add_option("-n,--count", t.count, "Print N times")
        ->option_text("N")
        ->check(beam::tool::whole_number("--count"));
    command.add_option("--every", t.every, "Print, or ask anew, so often (2s)")->option_text("DUR");
    command.add_option("--for", t.for_time, "End after this time")->option_text("DUR");
}

CLI::App* page_command(CLI::App& app, typed& t, const char* name, const char* description) {
    auto* command = app.add_subcommand(name, description);
    add_repetition(*command, t);
    return command;
}

CLI::App* change_command(CLI::App& app, typed& t, const char* name, const char* description) {
    auto* command = app.add_subcommand(name, description);
    command->add_option("PID", t.pid, "A pid or a registered name")->required();
    command->add_flag("--write", t.change.write, "Allow it: without this, observer only reads");
    command->add_flag("-n,--dry-run", t.change.dry_run, "Only say what would be done");
    return command;
}

std::chrono::nanoseconds duration(const char* option, const std::string& text) {
    const auto parsed = beam::parse_duration(text);
    if (parsed && parsed->count() > 0) return *parsed;
    failure error(exit_code::usage,
                  parsed ? "it cannot be 0" : "not a duration, as 250ms, 2s or 1m");
    error.what_failed = std::string(option) + " " + text;
    throw error;
}

bool repeats(const typed& t) {
    return t.count > 0 || !t.every.empty() || !t.for_time.empty();
}

repetition repetition_of(const typed& t) {
    repetition how;
    if (repeats(t)) how.count = t.once ? 1 : t.count;
    if (!t.every.empty()) how.every = duration("--every", t.every);
    if (!t.for_time.empty()) how.for_time = duration("--for", t.for_time);
    return how;
}

page processes_page(const process_query& query) {
    return {[query](client& node) { return ask_processes(node, query); },
            [query](const json& answer) {
                lines all{line(process_count(answer, query.sort))};
                for (line& l : process_lines(answer, query.sort)) all.push_back(std::move(l));
                return all;
            }};
}

page tree_page(const std::string& root) {
    return {[root](client& node) { return ask_tree(node, root); },
            [](const json& answer) { return tree_lines(answer); }};
}

page applications_page(bool installed) {
    return {[installed](client& node) { return ask_applications(node, installed); },
            application_lines};
}

page info_page(const std::string& pid, bool with_state) {
    return {[=](client& node) { return ask_info(node, pid, with_state); }, info_lines};
}

// What the terminal view shows at a glance: the system, and who uses most of it.
page overview_page(const process_query& query) {
    const page list = processes_page(query);
    return {[=](client& node) {
                json all = list.ask(node);
                all["system"] = ask_system(node);
                return all;
            },
            [=](const json& all) {
                lines out = system_lines(all.at("system"));
                out.emplace_back();
                for (line& l : list.show(all)) out.push_back(std::move(l));
                return out;
            }};
}

// The options of the view alone, which CLI11 lets stand behind a command that has no use for them.
void refuse_unused(const CLI::App& app) {
    const auto commands = app.get_subcommands();
    if (commands.empty()) return;
    for (const char* name : {"--sort", "--limit", "--reverse", "--filter", "--parent", "--once",
                             "--count", "--every", "--for", "--write"}) {
        if (app.get_option(name)->count() == 0 || commands.front()->get_option_no_throw(name))
            continue;
        failure error(exit_code::usage, "no such option",
                      "observer " + commands.front()->get_name() + " --help");
        error.what_failed = name;
        throw error;
    }
}

exit_code overview(client& node, const typed& t) {
    const auto& common = *node.common();
    const bool batch = t.once || t.count > 0 || !t.for_time.empty() || common.json ||
                       common.quiet || common.watch || !can_be_drawn_on();
    if (batch) return print_page(node, overview_page(t.query), repetition_of(t));
    view v;
    v.may_write = t.change.write;
    v.query = t.query;
    return run_view(node, std::move(v), repetition_of(t).every);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"A node's processes, supervision trees and applications", "observer"};
    auto common = beam::tool::add_common_options(app);
    app.require_subcommand(0, 1);
    common->application = "node";
    beam::tool::examples(app, "observer\nobserver processes --sort memory --limit 20");

    typed t;
    add_list_options(app, t.query);
    add_repetition(app, t);
    app.add_flag("--write", t.change.write, "Let the view kill and suspend processes");
    auto* system = page_command(app, t, "system", "Print the node's counters");
    auto* processes = page_command(app, t, "processes", "List processes");
    add_list_options(*processes, t.query);
    auto* tree = page_command(app, t, "tree", "Print the supervision trees");
    tree->add_option("ROOT", t.root, "Only an application, or what is below a process");
    auto* applications = page_command(app, t, "applications", "List the running applications");
    applications->add_flag("--installed", t.installed, "And those that could be started");
    auto* info = page_command(app, t, "info", "Print all about one process");
    info->add_option("PID", t.pid, "A pid or a registered name")->required();
    info->add_flag("--state", t.with_state,
                   "Also the state, which a behaviour's process tells itself");
    auto* kill = change_command(app, t, "kill", "End a process");
    kill->add_option("--reason", t.change.reason, "Of the exit signal: kill or shutdown (kill)")
        ->option_text("REASON")
        ->type_name("{kill,shutdown}");
    beam::tool::add_yes_option(*kill, common);
    auto* suspend =
        change_command(app, t, "suspend", "Let a process run no more until it is resumed");
    beam::tool::add_yes_option(*suspend, common);
    auto* resume = change_command(app, t, "resume", "Let a suspended process run on");

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        refuse_unused(app);
        if (system->parsed()) return print_page(node, {ask_system, system_lines}, repetition_of(t));
        if (processes->parsed()) return print_page(node, processes_page(t.query), repetition_of(t));
        if (tree->parsed()) return print_page(node, tree_page(t.root), repetition_of(t));
        if (applications->parsed())
            return print_page(node, applications_page(t.installed), repetition_of(t));
        if (info->parsed())
            return print_page(node, info_page(t.pid, t.with_state), repetition_of(t));
        if (kill->parsed()) return kill_process(node, t.pid, t.change);
        if (suspend->parsed()) return suspend_process(node, t.pid, t.change);
        if (resume->parsed()) return resume_process(node, t.pid, t.change);
        return overview(node, t);
    });
}
