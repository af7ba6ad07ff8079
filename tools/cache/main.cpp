// cache: a thin client. The rules of the cache are in app/.
#include <CLI/CLI.hpp>

#include "tools/cache/commands.hpp"
#include "tools/common/serve.hpp"

namespace {

using beam::client;
using beam::tool::exit_code;

void add_put_options(CLI::App& command, cache::put_words& words) {
    command.add_option("--ttl", words.ttl, "How long it is kept (as limits --ttl says)")
        ->option_text("DUR");
    command.add_option("--tag", words.tags, "A name for a group of entries; may be repeated")
        ->option_text("TAG")
        ->allow_extra_args(false);
}

void add_limit_options(CLI::App& command, cache::limit_words& words) {
    command.add_option("--max-entries", words.max_entries, "At most so many entries, or none")
        ->option_text("N");
    command.add_option("--max-bytes", words.max_bytes, "At most so many bytes, as 64M, or none")
        ->option_text("SIZE");
    command.add_option("--policy", words.policy, "Who goes when it is full: lru, lfu or fifo")
        ->option_text("POLICY");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Values that a beamcore node keeps for a while", "cache"};
    auto common = beam::tool::add_common_options(app);
    common->config_keys = {"resp"};
    app.require_subcommand(1);
    beam::tool::examples(app, "cache put key1 value1 --ttl 30s\ncache get key1");

    std::string key, value, command_line, pattern = "*", tag;
    bool raw = false;
    cache::put_words words;
    cache::limit_words bounds;
    const auto add_key = [&](CLI::App& command) {
        return command.add_option("KEY", key, "The entry's key");
    };

    auto* put = app.add_subcommand("put", "Keep a value");
    add_key(*put)->required();
    put->add_option("VALUE", value, "The value; - reads it from stdin")->required();
    add_put_options(*put, words);
    put->add_option("--stale", words.stale, "How long the old value may be served afterwards")
        ->option_text("DUR");
    auto* get = app.add_subcommand("get", "Print a value");
    add_key(*get)->required();
    get->add_option("--or-run", command_line, "If there is none, run CMD and keep what it prints")
        ->option_text("CMD");
    add_put_options(*get, words);
    get->add_option("--stale", words.stale, "How long others get the old value while CMD runs")
        ->option_text("DUR");
    get->add_flag("--raw", raw, "The bytes alone, without a newline");
    auto* del = app.add_subcommand("delete", "Delete an entry, or all with a tag")->alias("del");
    add_key(*del);
    del->add_option("--tag", tag, "Delete all entries that have it")->option_text("TAG");
    auto* ttl = app.add_subcommand("ttl", "Print how long an entry will be kept");
    add_key(*ttl)->required();
    auto* touch = app.add_subcommand("touch", "Count as a use; with --ttl, keep it for so long");
    add_key(*touch)->required();
    touch->add_option("--ttl", words.ttl, "From now on; none: for ever")->option_text("DUR");
    auto* load = app.add_subcommand("load", "Keep the lines of stdin: KEY or KEY VALUE");
    add_put_options(*load, words);
    add_limit_options(*load, bounds);
    auto* flush = app.add_subcommand("flush", "Delete all entries");
    beam::tool::add_yes_option(*flush, common);
    auto* limits = app.add_subcommand("limits", "Print or set what the cache may hold");
    add_limit_options(*limits, bounds);
    limits->add_option("--ttl", bounds.ttl, "Of what is put without one; none: for ever")
        ->option_text("DUR");
    auto* stats = app.add_subcommand("stats", "Print what was counted");
    auto* explain = app.add_subcommand("explain", "Print what became of a key");
    add_key(*explain)->required();
    auto* keys = app.add_subcommand("keys", "Print the keys");
    keys->add_option("--match", pattern, "Only those that match, as user:*")
        ->option_text("PATTERN");
    beam::tool::serve_words where;
    auto* serve = beam::tool::add_serve_command(app, where);
    for (const auto* command : {put, del, touch, load, flush, serve})
        beam::tool::runs_once(*command, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        if (put->parsed()) return cache::put(node, key, value, words);
        if (get->parsed())
            return command_line.empty() ? cache::get(node, key, raw, words)
                                        : cache::get_or_run(node, key, raw, command_line, words);
        if (del->parsed()) return cache::del(node, key, tag);
        if (ttl->parsed()) return cache::ttl(node, key);
        if (touch->parsed()) return cache::touch(node, key, words.ttl);
        if (load->parsed()) return cache::load(node, words, bounds);
        if (flush->parsed()) return cache::flush(node);
        if (limits->parsed()) return cache::limits(node, bounds);
        if (stats->parsed()) return cache::stats(node);
        if (explain->parsed()) return cache::explain(node, key);
        if (keys->parsed()) return cache::keys(node, pattern);
        return beam::tool::serve(node, where);
    });
}
