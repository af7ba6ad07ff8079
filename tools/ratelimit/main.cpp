// ratelimit: a thin client. Counting is in app/.
#include <CLI/CLI.hpp>

#include "tools/ratelimit/commands.hpp"

namespace {

using namespace ratelimit::client;
using beam::client;
using beam::tool::exit_code;
using beam::tool::whole_number;

void add_limit_options(CLI::App& command, limit_options& o) {
    command.add_option("--limit,--rate", o.limit, "How many in which time, as 10/2m (10/2m)")
        ->option_text("RATE");
    command.add_option("--burst", o.burst, "How many at once (as the limit's count)")
        ->option_text("N")
        ->check(whole_number("--burst"));
    command.add_option("--algorithm", o.algorithm, "bucket, sliding or fixed (bucket)")
        ->type_name("{bucket,sliding,fixed}")
        ->option_text("NAME");
}

void add_rule_option(CLI::App& command, limit_options& o) {
    command.add_option("--rule", o.rule, "The rule whose limit counts, and its own keys (default)")
        ->option_text("NAME");
}

void add_cost_option(CLI::App& command, std::uint64_t& cost, const char* description) {
    command.add_option("--cost", cost, description)
        ->option_text("N")
        ->check(whole_number("--cost"));
}

// What `check` and `run` share.
void add_check_options(CLI::App& command, check_options& o) {
    add_cost_option(command, o.cost, "How much to take (1)");
    add_limit_options(command, o.limit);
    add_rule_option(command, o.limit);
    command.add_flag("--wait{forever}", o.wait, "Wait for its turn, at most so long")
        ->option_text("[=DUR]");
    command.add_flag("--durable", o.durable, "Keep what is spent through a restart of the node");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Rate limits on a beamcore node", "ratelimit"};
    auto common = beam::tool::add_common_options(app);
    app.require_subcommand(1);
    beam::tool::examples(app, "ratelimit check user42\nratelimit check ip:10.0.0.1 --limit 100/m");

    check_options o;
    std::string key;  // where there is one only
    rule_options rule;
    std::vector<std::string> words;
    std::uint64_t next = 3;
    bool all = false;

    auto* check =
        app.add_subcommand("check", "Take from what KEY is allowed: 0 allowed, 1 blocked");
    check->add_option("KEY", o.keys, "Whom to count; of several all or none are charged")
        ->required();
    add_check_options(*check, o);
    check->add_flag("--all", all, "Several keys: all must allow it (they always must)");
    auto* run = app.add_subcommand("run", "Run CMD if KEY is allowed to, else exit 75");
    run->add_option("KEY", key, "Whom to count")->required();
    run->add_option("CMD", words, "The command and its arguments, behind --")->required();
    add_check_options(*run, o);
    auto* peek = app.add_subcommand("peek", "Tell what check would say, and take nothing");
    peek->add_option("KEY", key, "Whom to look at")->required();
    add_cost_option(*peek, o.cost, "How much would be taken (1)");
    add_limit_options(*peek, o.limit);
    add_rule_option(*peek, o.limit);
    auto* reset = app.add_subcommand("reset", "Forget what KEY has spent");
    reset->add_option("KEY", o.keys, "Whom to forget")->required();
    add_rule_option(*reset, o.limit);
    auto* refund = app.add_subcommand("refund", "Give KEY back what was not used");
    refund->add_option("KEY", key, "Whom to give it")->required();
    add_cost_option(*refund, o.cost, "How much (1)");
    add_rule_option(*refund, o.limit);
    auto* explain = app.add_subcommand("explain", "Show KEY's bucket and what comes next");
    explain->add_option("KEY", key, "Whom to look at")->required();
    explain->add_option("--next", next, "So many checks to come (3)")
        ->option_text("N")
        ->check(whole_number("--next"));
    add_cost_option(*explain, o.cost, "What each of them takes (1)");
    add_limit_options(*explain, o.limit);
    add_rule_option(*explain, o.limit);

    auto* rules = app.add_subcommand("rule", "Named limits, changed while they count");
    rules->require_subcommand(1);
    auto* set = rules->add_subcommand("set", "Make or change a rule");
    set->add_option("NAME", rule.name, "The rule's name")->required();
    add_limit_options(*set, rule.limit);
    set->add_option("--inherit", rule.inherit, "What was spent: scale, keep or reset (scale)")
        ->type_name("{scale,keep,reset}")
        ->option_text("HOW");
    set->add_flag("--shadow", rule.shadow, "Block nobody, only count who would be");
    set->add_flag("--durable", rule.durable, "Keep what is spent through a restart of the node");
    auto* list = rules->add_subcommand("list", "List the rules");
    auto* remove = rules->add_subcommand("delete", "Forget a rule");
    remove->alias("del")->alias("rm");
    remove->add_option("NAME", rule.name, "The rule's name")->required();

    auto* simulate = app.add_subcommand("simulate", "Tell what a limit says to times on stdin");
    add_limit_options(*simulate, o.limit);
    for (const auto* command : {check, run, reset, refund, set, remove, simulate})
        beam::tool::runs_once(*command, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        if (!key.empty()) o.keys = {key};
        if (check->parsed()) return ratelimit::client::check(node, o);
        if (run->parsed()) return ratelimit::client::run(node, o, words);
        if (peek->parsed()) return ratelimit::client::peek(node, o);
        if (reset->parsed()) return ratelimit::client::reset(node, o);
        if (refund->parsed()) return ratelimit::client::refund(node, o);
        if (explain->parsed()) return ratelimit::client::explain(node, o, next);
        if (set->parsed()) return set_rule(node, rule);
        if (list->parsed()) return list_rules(node);
        if (remove->parsed()) return delete_rule(node, rule.name);
        return ratelimit::client::simulate(common, o.limit);
    });
}
