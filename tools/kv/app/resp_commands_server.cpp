// Commands about the connection and the server.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "libbeamcore/runtime/nodes.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/resp_client.hpp"
#include "tools/resp/info_text.hpp"

namespace kv {

namespace {

using beam::awaitable;

void readonly(resp_client& c, arguments) {
    c.takes_replicas = true;
    c.out.simple("OK");
}

void readwrite(resp_client& c, arguments) {
    c.takes_replicas = false;
    c.out.simple("OK");
}

void reset(resp_client& c, arguments) {
    c.takes_replicas = false;
    c.name.clear();
    c.out.set_version(resp::protocol::resp2);
    c.out.simple("RESET");
}

void config(resp_client& c, arguments all) {
    if (!resp::equals(all[1], "GET") || all.size() < 3)
        return resp::equals(all[1], "SET")
                   ? c.out.error("ERR nothing of a store is set with CONFIG SET")
                   : resp::unknown_subcommand(c, "CONFIG", all[1]);
    const std::pair<std::string_view, std::string> known[] = {
        {"save", ""},
        {"appendonly", "yes"},
        {"appendfsync", "always"},
        {"maxmemory", "0"},
        {"maxmemory-policy", "noeviction"},
        {"databases", "1"},
        {"timeout", "0"},
        {"maxclients", "20000"},
        {"proto-max-bulk-len", std::to_string(value_max)}};
    resp::config_get(c, all, known);
}

void command(resp_client& c, arguments all) {
    resp::about_commands(c, all, all_resp_commands());
}

awaitable<void> info(resp_client& c, words all) {
    auto asking = keeper::known();
    beam::outcome<node_standing> k = co_await asking.outcome();
    resp::info_text text(all.size() > 1 ? std::string_view(all[1]) : std::string_view());
    if (text.begin("Server")) {
        text.line("redis_version", resp::redis_version);
        text.line("redis_mode", "standalone");
        text.line("server_name", "beamcore kv");
        text.line("node", beam::node().name());
        text.count("process_id", ::getpid());
    }
    if (text.begin("Replication")) {
        // Of the connection, as Redis means it: it takes writes.
        text.line("role", "master");
        text.line("connected_slaves", "0");
    }
    if (text.begin("Kv") && k && k->facts.view && k->facts.view->has_cluster()) {
        const cluster_view& view = *k->facts.view;
        const auto led =
            std::count_if(view.records.begin(), view.records.end(),
                          [&](const known_record& r) { return r.record.primary == k->facts.self; });
        text.count("shards", std::int64_t(view.meta.shards));
        text.count("shards_led", led);
    }
    c.out.verbatim(text.text());
}

constexpr resp_command table[] = {
    {"READONLY", 1, readonly, nullptr, "fast", 0, 0},
    {"READWRITE", 1, readwrite, nullptr, "fast", 0, 0},
    {"RESET", 1, reset, nullptr, "fast", 0, 0},
    {"CONFIG", -2, config, nullptr, "", 0, 0},
    {"COMMAND", -1, command, nullptr, "", 0, 0},
    {"INFO", -1, nullptr, info, "", 0, 0},
};

}  // namespace

std::span<const resp_command> server_commands() {
    return table;
}

}  // namespace kv
