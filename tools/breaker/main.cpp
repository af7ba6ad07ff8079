// breaker: a thin client. The breakers are in tools/ratelimit/app.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "tools/breaker/commands.hpp"

namespace {

using beam::client;
using beam::tool::exit_code;
using beam::tool::whole_number;

// The options of `set`: text that the node reads, but numbers must be numbers.
struct setting_option {
    const char* name;
    const char* value;
    const char* description;
    std::string text = {};
};

std::vector<setting_option>& setting_options() {
    static std::vector<setting_option> all{
        {"failures", "N[/DUR]", "So many failures in the window open it (5/1m); off"},
        {"rate", "PERCENT", "Such a share of the window's calls opens it (off)"},
        {"min-calls", "N", "So many calls before their share counts (10)"},
        {"window", "DUR|N", "A time, or so many calls (1m)"},
        {"cooldown", "DUR[..DUR]", "How long it is open; doubled up to the second (30s)"},
        {"jitter", "PERCENT", "A cooldown is longer or shorter by up to this (off)"},
        {"probes", "N", "So many calls at once when it is half open (1)"},
        {"successes", "N", "So many of them must succeed to close it (as probes)"},
        {"ramp", "DUR", "Once probes have closed it, calls grow from a tenth to all in this (off)"},
        {"slow", "DUR", "A call that takes longer is a failure (off)"},
        {"permit-time", "DUR", "A call that is not heard of for so long is a failure (60s)"}};
    return all;
}

CLI::App* add_set(CLI::App& app) {
    auto* set = app.add_subcommand("set", "Change what NAME opens for, and how it comes back");
    for (auto& s : setting_options()) {
        const std::string option = std::string("--") + s.name;
        auto* added = set->add_option(option, s.text, s.description)->option_text(s.value);
        if (std::string_view(s.value) == "N") added->check(whole_number(option));
    }
    return set;
}

breaker::settings changes() {
    breaker::settings given;
    for (const auto& s : setting_options()) {
        if (s.text.empty()) continue;
        std::string name = s.name;
        std::replace(name.begin(), name.end(), '-', '_');
        given.emplace_back(name, s.text);
    }
    return given;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Circuit breakers on a beamcore node", "breaker"};
    auto common = beam::tool::add_common_options(app);
    app.require_subcommand(1);
    beam::tool::examples(app,
                         "breaker run serviceA -- curl -fsS https://example.org\n"
                         "breaker status serviceA");

    breaker::call_options call;
    breaker::force_options force;
    std::string& name = call.name;
    std::string state, on_open;
    std::vector<std::string> words;
    const auto command = [&](const char* verb, const char* description) {
        auto* made = app.add_subcommand(verb, description);
        made->add_option("NAME", name, "The breaker's name")->required();
        return made;
    };

    auto* status = command("status", "Tell its state: 0 closed or disabled, 1 open or half open");
    auto* list = app.add_subcommand("list", "List the breakers");
    list->add_option("--state", state, "Only those that are closed, open, half_open or disabled")
        ->type_name("{closed,open,half_open,disabled}")
        ->option_text("STATE");
    auto* run = command("run", "Run CMD if NAME lets it, else exit 75");
    run->add_option("CMD", words, "The command and its arguments, behind --")->required();
    run->add_option("--slow", call.slow, "If it takes longer it is a failure")->option_text("DUR");
    auto* allow = command("allow", "Ask whether to call: 0 and a permit, or 1");
    allow->add_option("--slow", call.slow, "If the call takes longer it is a failure")
        ->option_text("DUR");
    auto* success = command("success", "Tell that a call succeeded");
    auto* failure = command("failure", "Tell that a call failed");
    for (auto* told : {success, failure}) {
        told->add_option("--permit", call.permit, "Which call (the oldest)")
            ->option_text("ID")
            ->check(whole_number("--permit"));
        told->add_option("--took", call.took, "How long it took (since it was allowed)")
            ->option_text("DUR");
    }
    failure->add_option("--reason", call.reason, "Why")->option_text("R");
    auto* trip = command("trip", "Open it by hand");
    trip->add_option("--for", force.time, "For so long (until it is reset)")->option_text("DUR");
    auto* reset = command("reset", "Close it by hand");
    auto* disable = command("disable", "Let all calls through and count none");
    auto* enable = command("enable", "End that");
    for (auto* forced : {trip, disable})
        forced->add_option("--reason", force.reason, "Why")->option_text("R");
    auto* set = add_set(app);
    set->add_option("NAME", name, "The breaker's name")->required();
    auto* forget = command("delete", "Forget it and what was set");
    forget->alias("del");
    auto* watch = app.add_subcommand("watch", "Print changes of state as they come, as JSON");
    watch->add_option("NAME", name, "Only of this breaker");
    watch->add_option("--on-open", on_open, "Run this for each that opens; its input is the line")
        ->option_text("CMD");
    beam::tool::stream_options stream(*watch);
    for (const auto* once :
         {run, allow, success, failure, trip, reset, disable, enable, set, forget, watch})
        beam::tool::runs_once(*once, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        force.name = name;
        if (status->parsed()) return breaker::status(node, name);
        if (list->parsed()) return breaker::list(node, state);
        if (run->parsed()) return breaker::run(node, call, words);
        if (allow->parsed()) return breaker::allow(node, call);
        if (success->parsed()) return breaker::tell(node, "success", call);
        if (failure->parsed()) return breaker::tell(node, "failure", call);
        if (trip->parsed()) return breaker::force(node, "trip", force);
        if (reset->parsed()) return breaker::force(node, "reset", force);
        if (disable->parsed()) return breaker::force(node, "disable", force);
        if (enable->parsed()) return breaker::force(node, "enable", force);
        if (set->parsed()) return breaker::set(node, name, changes());
        if (forget->parsed()) return breaker::forget(node, name);
        return breaker::watch(node, name, on_open, stream.limits());
    });
}
