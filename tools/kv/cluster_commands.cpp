// Commands about the cluster.
#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "tools/common/pause.hpp"
#include "tools/common/progress.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/lines.hpp"

namespace kv::client {

using beam::client;
using beam::tool::exit_code;
using nlohmann::json;

namespace {

std::string joined(const json& names) {
    std::string all;
    for (const json& n : names) all += (all.empty() ? "" : ",") + n.get<std::string>();
    return all;
}

std::string number(const json& of, const char* name) {
    return std::to_string(of.at(name).get<std::uint64_t>());
}

/// A line of its own; empty: it has all that it had.
std::string loss_text(const json& answer) {
    const std::string why = answer.value("coordinator_loss", "");
    return why.empty() ? why : "\n" + why + ": kv cluster recover --coordinator-lost";
}

std::string status_text(const json& s) {
    return "nodes: [" + joined(s.at("nodes")) + "]\nshards: " + number(s, "shards") +
           "\nreplication: " + number(s, "replication") + loss_text(s);
}

std::string nodes_text(const json& nodes) {
    std::string text;
    for (const json& n : nodes) {
        if (!text.empty()) text += '\n';
        text += n.at("node").get<std::string>() + ": " + (n.at("up").get<bool>() ? "up" : "down") +
                " " + n.at("state").get<std::string>() + " primaries=" + number(n, "primaries") +
                " copies=" + number(n, "copies");
    }
    return text;
}

std::string health_text(const json& h) {
    std::string text = h.at("healthy").get<bool>() ? "healthy" : "not healthy";
    text += ": shards healthy=" + number(h, "shards_healthy") +
            " degraded=" + number(h, "shards_degraded") +
            " offline=" + number(h, "shards_offline") + " moving=" + number(h, "shards_moving");
    text += "\nnodes up: " + joined(h.at("up"));
    if (!h.at("down").empty()) text += "\nnodes down: " + joined(h.at("down"));
    const std::string loss = loss_text(h);
    if (loss.empty() && !h.at("coordinator_reachable").get<bool>())
        text += "\nthe coordinator does not answer";
    if (const std::string sync = h.value("sync", ""); sync != "every write") text += "\n" + sync;
    if (const std::string trouble = h.value("trouble", ""); !trouble.empty())
        text += "\nthis node could not join: " + trouble;
    return text + loss;
}

/// A node of the cluster, and the state that it is to have. None: only what the plan says is waited for.
struct awaited_change {
    std::string node{}, state{};
};

/// What is still to be moved, as the node that answers sees it.
struct moves_left {
    std::uint64_t count = 0;
    bool is_planned = false;  // else more may come
    std::string trouble{};    // why that will not change by itself, if it stays so
    std::string advice{};

    [[nodiscard]] bool is_nothing() const { return count == 0 && is_planned && trouble.empty(); }
};

moves_left moves_left_of(client& node, const awaited_change& change) {
    moves_left left;
    std::uint64_t copies = 0;
    if (!change.node.empty()) {
        std::string state = "none of the cluster's";
        const json nodes = node.ask("kv.cluster_nodes");
        for (const json& n : nodes.at("nodes")) {
            if (n.at("node") != change.node) continue;
            state = n.at("state").get<std::string>();
            copies = change.state == "draining" ? n.at("copies").get<std::uint64_t>() : 0;
        }
        if (state != change.state) {
            left.trouble = change.node + " is " + state;
            left.advice = "kv cluster nodes";
        }
    }
    const json plan = node.ask("kv.cluster_rebalance");
    const std::uint64_t moves = plan.at("moves").size();
    left.count = std::max(moves, copies);
    left.is_planned = plan.at("planned").get<bool>();
    if (left.trouble.empty() && left.is_planned && moves == 0 && copies > 0) {
        left.trouble =
            "no other node takes the " + std::to_string(copies) + " copies that are left";
        left.advice = "kv cluster join on another node";
    }
    return left;
}

/// Until all is moved, or --timeout is over (then 75), or nothing gets less for long.
void wait_until_moved(client& node, const awaited_change& change) {
    constexpr std::chrono::seconds stuck_for(10);
    const auto common = node.common();
    const auto until = common->timeout_is_default ? beam::tool::deadline() : common->until();
    std::optional<beam::tool::progress> progress;
    auto stuck = beam::tool::deadline::in(stuck_for);
    beam::tool::pause pause;
    std::uint64_t most = 0, before = 0;
    for (;;) {
        node.set_deadline(common->until().earlier(until));
        const moves_left left = moves_left_of(node, change);
        if (left.is_nothing()) return;
        if (left.count > most) {
            progress.reset();
            progress.emplace(common, "moved", "copies and leads", most = left.count);
        }
        if (progress) progress->at(most - left.count);
        if (left.trouble.empty() || left.count != std::exchange(before, left.count))
            stuck = beam::tool::deadline::in(stuck_for);
        if (stuck.is_over())
            throw beam::tool::failure(exit_code::try_again, left.trouble, left.advice);
        pause.wait(until);
        if (until.is_over())
            throw beam::tool::failure(exit_code::try_again,
                                      std::to_string(left.count) +
                                          " copies or leads are still to be moved; the nodes go on",
                                      "kv cluster rebalance --wait");
    }
}

}  // namespace

exit_code cluster_init(client& node, const init_words& words) {
    const std::int64_t out_after = milliseconds_of("--out-after", words.out_after);
    const json answer = node.ask("kv.cluster_init", {{"nodes", words.nodes},
                                                     {"shards", words.shards},
                                                     {"copies", words.copies},
                                                     {"min_isr", words.min_isr},
                                                     {"out_after_ms", out_after}});
    node.common()->print(status_text(answer), answer);
    return exit_code::done;
}

exit_code cluster_status(client& node) {
    const json answer = node.ask("kv.cluster_status");
    node.common()->print(status_text(answer), answer);
    return exit_code::done;
}

exit_code cluster_health(client& node) {
    const json answer = node.ask("kv.cluster_health");
    node.common()->print(health_text(answer), answer);
    return answer.at("healthy").get<bool>() ? exit_code::done : exit_code::no;
}

exit_code cluster_nodes(client& node) {
    const json answer = node.ask("kv.cluster_nodes");
    node.common()->print(nodes_text(answer.at("nodes")), answer);
    return exit_code::done;
}

exit_code cluster_recover(client& node, bool accepts_data_loss) {
    const json answer = node.ask("kv.cluster_recover", {{"accept_data_loss", accepts_data_loss}});
    const auto n = answer.at("recovered").get<std::uint64_t>();
    node.common()->print(n == 0 ? std::string("nothing to recover")
                                : "recovered shards=" + std::to_string(n) +
                                      ", given up: " + answer.at("given_up").get<std::string>(),
                         answer);
    return exit_code::done;
}

exit_code cluster_recover_coordinator(client& node, bool accepts_data_loss) {
    // Nodes that do not answer are waited for, and what they may still do.
    if (node.common()->timeout_is_default)
        node.set_deadline(beam::tool::deadline::in(std::chrono::minutes(1)));
    const json answer =
        node.ask("kv.cluster_recover_coordinator", {{"accept_data_loss", accepts_data_loss}});
    std::string text =
        "recovered shards=" + number(answer, "shards") + " from stores=" + number(answer, "stores");
    if (const auto& silent = answer.at("silent").get_ref<const std::string&>(); !silent.empty())
        text += ", given up: " + silent;
    node.common()->print(text, answer);
    return exit_code::done;
}

exit_code cluster_migrate(client& node, const std::string& to) {
    beam::tool::confirm(node.common(), "move what decides who leads to " + to);
    const json answer = node.ask("kv.cluster_migrate", {{"to", to}});
    node.common()->print("migrated; restart each node with BEAM_KV_COORDINATOR=" + to, answer);
    return exit_code::done;
}

exit_code cluster_rebalance(client& node, bool waits) {
    if (waits) wait_until_moved(node, {});
    const json answer = node.ask("kv.cluster_rebalance");
    std::string text;
    for (const json& m : answer.at("moves")) {
        if (!text.empty()) text += '\n';
        text += "shard " + number(m, "shard") + ": ";
        text += m.contains("copy_to") ? "copy to " + m.at("copy_to").get<std::string>()
                                      : "lead by " + m.at("lead_by").get<std::string>();
    }
    node.common()->print(text.empty() ? "balanced" : text, answer);
    return exit_code::done;
}

exit_code cluster_leave(client& node) {
    const auto common = node.common();
    const auto until = common->timeout_is_default ? beam::tool::deadline() : common->until();
    std::optional<beam::tool::progress> progress;
    beam::tool::pause pause;
    for (std::uint64_t first = 0;;) {
        node.set_deadline(common->until().earlier(until));
        const json answer = node.ask("kv.cluster_leave");
        const auto copies = answer.at("copies").get<std::uint64_t>();
        if (copies == 0) {
            common->print("ok", answer);
            return exit_code::done;
        }
        if (!progress) progress.emplace(common, "moved", "copies", first = copies);
        progress->at(first - std::min(first, copies));
        pause.wait(until);
        if (until.is_over())
            throw beam::tool::failure(
                exit_code::try_again,
                std::to_string(copies) +
                    " copies are still to be moved off this node, which goes on",
                "kv cluster leave, or kv cluster rejoin to stay");
    }
}

exit_code cluster_change(client& node, const std::string& how, const std::string& name,
                         bool waits) {
    // The node that answers is the one that joins.
    const std::string which = name.empty() ? node.common()->node : name;
    if (how == "remove")
        beam::tool::confirm(node.common(), "take " + which + " out of the cluster for good");
    const json params = how == "join" ? json() : json{{"node", which}};
    const json answer = node.ask("kv.cluster_" + how, params);
    if (waits) {
        const auto name = answer.at("node").get<std::string>();
        wait_until_moved(node,
                         {name.substr(0, name.find('@')), how == "drain" ? "draining" : "in"});
    }
    node.common()->print("ok", answer);
    return exit_code::done;
}

}  // namespace kv::client
