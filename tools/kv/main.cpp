// kv: a thin client. The store and its cluster are in app/.
#include <CLI/CLI.hpp>

#include "tools/common/serve.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/node_settings.hpp"

namespace {

using namespace kv::client;
using beam::client;
using beam::tool::exit_code;

void add_expectations(CLI::App& command, change_words& words, bool with_absence) {
    command.add_option("--expect", words.expect, "Only if it has this value")->option_text("VALUE");
    command.add_option("--expect-version", words.expect_version, "Only if it has this version")
        ->option_text("N");
    if (with_absence) command.add_flag("--if-absent", words.if_absent, "Only if there is none");
}

void add_ttl(CLI::App& command, change_words& words, const char* what) {
    command.add_option("--ttl", words.ttl, what)->option_text("DUR");
}

struct cluster_commands {
    CLI::App *init, *status, *health, *nodes, *join, *leave, *drain, *remove, *rejoin, *recover,
        *rebalance, *migrate;
    bool accepts_data_loss = false, is_coordinator_lost = false, is_dry_run = false, waits = false;
    std::string endpoints;
    node_settings settings;
};

void add_cluster_commands(cluster_commands& c, CLI::App& app, init_words& words, std::string& name,
                          const beam::tool::common_options& common) {
    auto* cluster = app.add_subcommand("cluster", "Make a cluster, look at it, change its nodes");
    cluster->require_subcommand(1);
    c.init = cluster->add_subcommand("init", "Make a cluster of nodes that run");
    c.init->add_option("--nodes", words.nodes, "Its nodes, with commas between (this one)")
        ->option_text("NODES")
        ->delimiter(',');
    c.init->add_option("--shards", words.shards, "A power of two (64)")->option_text("N");
    c.init->add_option("--rf", words.copies, "Copies of each shard (2)")->option_text("N");
    c.init->add_option("--min-isr", words.min_isr, "Refuse writes on fewer copies (1)")
        ->option_text("N");
    c.init
        ->add_option("--out-after", words.out_after,
                     "Copy elsewhere what a node has that is not there for so long (10s)")
        ->option_text("DUR");
    add_node_settings(*c.init, c.settings);
    c.status = cluster->add_subcommand("status", "Print nodes, shards and copies");
    c.health = cluster->add_subcommand("health", "Tell whether all is well: 0 yes, 1 no");
    c.nodes = cluster->add_subcommand("nodes", "List the nodes and what they hold");
    c.join = cluster->add_subcommand("join", "Have the node that answers take part");
    add_node_settings(*c.join, c.settings);
    c.leave =
        cluster->add_subcommand("leave", "Move everything off the node that answers, and out");
    c.drain = cluster->add_subcommand("drain", "Move everything off a node");
    c.remove = cluster->add_subcommand("remove", "Take a node out for good");
    c.rejoin = cluster->add_subcommand("rejoin", "Take a drained or removed node back");
    c.recover = cluster->add_subcommand(
        "recover", "Go on with what is left of shards whose current copies are all gone");
    c.recover->add_flag("--accept-data-loss", c.accepts_data_loss,
                        "Though what only the lost copies had is lost");
    c.recover->add_flag("--coordinator-lost", c.is_coordinator_lost,
                        "Give a coordinator that lost its data what the nodes' stores hold");
    c.migrate = cluster->add_subcommand("migrate", "Move what decides who leads to etcd");
    c.migrate->add_option("ENDPOINTS", c.endpoints, "As http://h1:2379,http://h2:2379")->required();
    beam::tool::add_yes_option(*c.migrate, common);
    c.rebalance = cluster->add_subcommand("rebalance", "Print what is to be moved");
    c.rebalance->add_flag("-n,--dry-run", c.is_dry_run, "Print it only: nodes move it themselves");
    for (auto* command : {c.join, c.drain, c.rejoin, c.rebalance})
        command->add_flag("--wait", c.waits, "End when all is moved, or --timeout is over");
    c.rebalance->get_option("--wait")->excludes("--dry-run");
    for (auto* command : {c.drain, c.remove, c.rejoin})
        command->add_option("NODE", name, "Which node (the one that answers)");
    beam::tool::add_yes_option(*c.remove, common);
    for (const auto* command :
         {c.init, c.join, c.leave, c.drain, c.remove, c.rejoin, c.recover, c.migrate})
        beam::tool::runs_once(*command, common);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"A replicated store", "kv"};
    auto common = beam::tool::add_common_options(app, "nodeA");
    common->config_keys = {"resp"};
    app.require_subcommand(1);
    beam::tool::examples(app, "kv put user:42 active --node nodeA\nkv get user:42 --node nodeB");

    change_words words;
    get_words wanted;
    init_words first;
    std::string key, node_name;
    const auto add_key = [&](CLI::App* command, std::string& to) {
        command->add_option("KEY", to, "The key, of up to 1024 bytes")->required();
        return command;
    };
    auto* put = add_key(app.add_subcommand("put", "Write a value"), words.key);
    put->add_option("VALUE", words.value, "The value; - reads it from stdin")->required();
    add_ttl(*put, words, "How long it is kept (for ever)");
    add_expectations(*put, words, true);
    auto* get_it = add_key(app.add_subcommand("get", "Print a value and who answered"), wanted.key);
    get_it->add_flag("--primary", wanted.primary, "Ask the primary, wherever it is");
    get_it->add_flag("--stale", wanted.stale, "Take an old answer rather than none");
    get_it->add_flag("--raw", wanted.raw, "The bytes alone, without a newline");
    auto* del = add_key(app.add_subcommand("delete", "Delete a key")->alias("del"), words.key);
    add_expectations(*del, words, false);
    auto* cas = add_key(app.add_subcommand("cas", "Write a value if the one there is as expected"),
                        words.key);
    cas->add_option("VALUE", words.value, "The new value; - reads it from stdin")->required();
    add_ttl(*cas, words, "How long it is kept (for ever)");
    add_expectations(*cas, words, false);
    auto* incr = add_key(app.add_subcommand("incr", "Add to a number and print it"), words.key);
    incr->add_option("--by", words.by, "How much (1); may be negative")->option_text("N");
    add_ttl(*incr, words, "How long a new one is kept (for ever)");
    auto* expire =
        add_key(app.add_subcommand("expire", "Say how long a key is kept from now on"), words.key);
    add_ttl(*expire, words, "How long; without it, for ever");
    auto* ttl_of = add_key(app.add_subcommand("ttl", "Print how long a key is kept"), key);
    auto* transact = app.add_subcommand(
        "transaction", "Do the changes that stdin has, all or none, on keys of one shard");
    auto* locate_it =
        add_key(app.add_subcommand("locate", "Print which shard and nodes have a key"), key);
    scan_words range;
    std::optional<std::string> from;
    std::uint64_t from_line = 1;
    auto* scan_it = app.add_subcommand("scan", "Print the keys with a prefix, and their values");
    scan_it->add_option("PREFIX", range.prefix, "What the keys begin with (all)");
    scan_it->add_option("--limit", range.limit, "At most so many")->option_text("N");
    scan_it->add_option("--cursor", range.cursor, "Only what comes after this key")
        ->option_text("KEY");
    scan_it->add_flag("--keys-only", range.keys_only, "Without the values");
    auto* count_it = app.add_subcommand("count", "Print how many keys have a prefix");
    count_it->add_option("PREFIX", range.prefix, "What the keys begin with (all)");
    auto* watch_it = app.add_subcommand("watch", "Print changes of keys with a prefix");
    watch_it->add_option("PREFIX", range.prefix, "What the keys begin with (all)");
    watch_it->add_option("--from", from, "Begin behind this cursor of an earlier watch")
        ->option_text("CURSOR");
    beam::tool::stream_options watch_limits(*watch_it);
    auto* export_it =
        app.add_subcommand("export", "Print keys and values as JSON lines, for import");
    export_it->add_option("PREFIX", range.prefix, "What the keys begin with (all)");
    auto* import_it = app.add_subcommand("import", "Write what export printed, from stdin");
    import_it->add_option("--from-line", from_line, "Begin with this line (1)")->option_text("N");
    std::string folder;
    auto* backup_it = app.add_subcommand("backup", "Write all keys into a new folder");
    backup_it->add_option("FOLDER", folder, "Must not be there yet")->required();
    auto* restore_it = app.add_subcommand("restore", "Read a backup into a cluster without keys");
    restore_it->add_option("FOLDER", folder, "Of a backup")->required();
    beam::tool::serve_words where;
    auto* serve_it = beam::tool::add_serve_command(app, where);
    for (const auto* command : {serve_it, backup_it, restore_it, put, del, cas, incr, expire,
                                transact, watch_it, export_it, import_it})
        beam::tool::runs_once(*command, common);
    cluster_commands c{};
    add_cluster_commands(c, app, first, node_name, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        if (put->parsed()) return change(node, "put", words);
        if (get_it->parsed()) return get(node, wanted);
        if (del->parsed()) return change(node, "delete", words);
        if (cas->parsed()) return change(node, "cas", words);
        if (incr->parsed()) return change(node, "incr", words);
        if (expire->parsed()) return change(node, "expire", words);
        if (ttl_of->parsed()) return ttl(node, key);
        if (transact->parsed()) return transaction(node);
        if (locate_it->parsed()) return locate(node, key);
        if (scan_it->parsed()) return scan(node, range);
        if (count_it->parsed()) return count(node, range.prefix);
        if (watch_it->parsed()) return watch(node, range.prefix, from, watch_limits.limits());
        if (export_it->parsed()) return export_keys(node, range.prefix);
        if (import_it->parsed()) return import_keys(node, from_line);
        if (backup_it->parsed()) return backup(node, folder);
        if (restore_it->parsed()) return restore(node, folder);
        if (serve_it->parsed()) return beam::tool::serve(node, where);
        if (c.waits && common->watch)
            throw beam::tool::failure(exit_code::usage, "--wait ends by itself, --watch does not");
        give_to_started_nodes(c.settings);
        expect_of_node(node, c.settings);
        if (c.init->parsed()) return cluster_init(node, first);
        if (c.status->parsed()) return cluster_status(node);
        if (c.health->parsed()) return cluster_health(node);
        if (c.nodes->parsed()) return cluster_nodes(node);
        if (c.join->parsed()) return cluster_change(node, "join", node_name, c.waits);
        if (c.leave->parsed()) return cluster_leave(node);
        if (c.recover->parsed() && c.is_coordinator_lost)
            return cluster_recover_coordinator(node, c.accepts_data_loss);
        if (c.recover->parsed()) return cluster_recover(node, c.accepts_data_loss);
        if (c.migrate->parsed()) return cluster_migrate(node, c.endpoints);
        if (c.rebalance->parsed()) return cluster_rebalance(node, c.waits);
        if (c.drain->parsed()) return cluster_change(node, "drain", node_name, c.waits);
        if (c.remove->parsed()) return cluster_change(node, "remove", node_name, false);
        return cluster_change(node, "rejoin", node_name, c.waits);
    });
}
