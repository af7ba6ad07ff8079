// kv.locate and kv.cluster_*: what the cluster is, how it is, and what an operator does with it.
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/shard_disk.hpp"

namespace kv {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;
using beam::term;

struct key_params {
    std::string key;
    BEAM_FIELDS(key_params, key)
};
struct node_params {
    std::string node;
    BEAM_FIELDS(node_params, node)
};
struct init_params {
    std::vector<std::string> nodes;
    std::uint32_t shards = 64, copies = 2, min_isr = 1;
    std::int64_t out_after_ms = 10'000;
    BEAM_FIELDS(init_params, nodes, shards, copies, min_isr, out_after_ms)
};

struct shard_counts {
    std::uint64_t healthy = 0, degraded = 0, offline = 0, moving = 0;
    std::vector<term> not_healthy;
};

shard_counts counted(const cluster_view& view) {
    shard_counts c;
    const std::size_t copies = std::min<std::size_t>(view.meta.copies, view.plan.nodes.size());
    for (std::size_t s = 0; s < view.records.size(); ++s) {
        const shard_record& r = view.records[s].record;
        const auto live = std::size_t(
            std::count_if(r.isr.begin(), r.isr.end(), [&](auto& m) { return is_up(view, m); }));
        auto planned = view.plan_of(std::uint32_t(s));
        auto is = r.isr;
        const bool leads = !planned.empty() && planned.front() == r.primary;
        std::sort(planned.begin(), planned.end());
        std::sort(is.begin(), is.end());
        if (planned != is || !leads) ++c.moving;
        const char* state = live == 0                              ? "offline"
                            : live < copies || live < r.isr.size() ? "degraded"
                                                                   : "healthy";
        if (live == 0)
            ++c.offline;
        else if (live < copies || live < r.isr.size())
            ++c.degraded;
        else
            ++c.healthy;
        if (std::string_view(state) != "healthy")
            c.not_healthy.push_back(
                beam::map({{atom("shard"), std::uint64_t(s)}, {atom("state"), state}}));
    }
    return c;
}

/// The nodes by name, each with the store that it has now.
std::map<std::string, store_entry> current_stores(const cluster_view& view) {
    std::map<std::string, store_entry> all;
    for (const store_entry& s : view.stores)
        if (view.store_of(s.node) == &s) all.emplace(s.node, s);
    return all;
}

term nodes_term(const cluster_view& view) {
    std::vector<term> all;
    for (const auto& [name, s] : current_stores(view)) {
        std::uint64_t primaries = 0, copies = 0;
        for (const known_record& k : view.records) {
            primaries += k.record.primary == s.id ? 1 : 0;
            copies += view.is_left_on(s, k.record) ? 1 : 0;
        }
        all.push_back(beam::map({{atom("node"), s.node},
                                 {atom("state"), std::string(to_string(s.state))},
                                 {atom("up"), is_up(view, s.id)},
                                 {atom("primaries"), primaries},
                                 {atom("copies"), copies}}));
    }
    return beam::list_of(std::move(all));
}

/// Shards that this node's store has anything of, wanted or not.
std::uint64_t shards_with_data() {
    const auto known = shard_disk::shards_on_disk(store_name());
    return std::uint64_t(std::count_if(known.begin(), known.end(), [](std::uint32_t s) {
        try {
            return shard_disk(store_name(), s).is_anything_on_disk();
        } catch (const spoilt_disk&) {
            return true;
        }
    }));
}

awaitable<answer> status_now() {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    const cluster_view& view = *k->facts.view;
    std::vector<term> names;
    for (const std::string& n : view.plan.nodes) names.emplace_back(n);
    const auto loss = loss_of(*k);
    co_return beam::map({{atom("nodes"), beam::list_of(std::move(names))},
                         {atom("coordinator_loss"), loss ? loss->why : std::string()},
                         {atom("shards"), std::uint64_t(view.meta.shards)},
                         {atom("replication"), std::uint64_t(view.meta.copies)},
                         {atom("min_isr"), std::uint64_t(view.meta.min_isr)},
                         {atom("out_after_ms"), std::int64_t(view.meta.out_after.count())},
                         {atom("uuid"), view.meta.uuid},
                         {atom("plan"), view.plan.number},
                         {atom("on_disk"), shards_with_data()},
                         {atom("members"), nodes_term(view)}});
}

awaitable<answer> status(request&) {
    return status_now();
}

/// "every write"; or who acknowledges before that, as "interval=20ms on nodeA, nodeB".
std::string sync_of_cluster(const cluster_view& view) {
    std::map<std::string, std::string> nodes;  // by what they do
    for (const member& m : view.members) {
        const store_entry* s = view.store_of(m.node);
        const bool is_of_it = s && s->id == m.store && s->state != store_state::removed;
        if (m.sync.empty() || !is_of_it) continue;
        std::string& all = nodes[m.sync];
        all += (all.empty() ? "" : ", ") + m.node;
    }
    std::string told;
    for (const auto& [sync, who] : nodes)
        told.append(told.empty() ? "acknowledged before sync: " : "; ")
            .append(sync)
            .append(" on ")
            .append(who);
    return told.empty() ? "every write" : told;
}

awaitable<answer> health(request&) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    const cluster_view& view = *k->facts.view;
    shard_counts c = counted(view);
    const bool healthy =
        c.degraded + c.offline == 0 && k->coordinator.is_reachable && k->trouble.empty();
    std::vector<term> up, down;
    for (const auto& [name, s] : current_stores(view))
        if (s.state != store_state::removed) (is_up(view, s.id) ? up : down).emplace_back(name);
    const auto loss = loss_of(*k);
    co_return beam::map({{atom("healthy"), healthy},
                         {atom("up"), beam::list_of(std::move(up))},
                         {atom("down"), beam::list_of(std::move(down))},
                         {atom("shards_healthy"), c.healthy},
                         {atom("shards_degraded"), c.degraded},
                         {atom("shards_offline"), c.offline},
                         {atom("shards_moving"), c.moving},
                         {atom("not_healthy"), beam::list_of(std::move(c.not_healthy))},
                         {atom("members"), nodes_term(view)},
                         {atom("coordinator"), k->coordinator_name},
                         {atom("coordinator_reachable"), k->coordinator.is_reachable},
                         {atom("coordinator_error"), k->coordinator.why.code},
                         {atom("coordinator_loss"), loss ? loss->why : std::string()},
                         {atom("trouble"), k->trouble},
                         {atom("sync"), sync_of_cluster(view)}});
}

awaitable<answer> nodes(request&) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    co_return beam::map({{atom("nodes"), nodes_term(*k->facts.view)}});
}

awaitable<answer> locate(request&, key_params p) {
    if (auto why = bad_key(p.key)) co_return malformed(*why);
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    const cluster_view& view = *k->facts.view;
    const std::uint32_t shard = shard_of(p.key, view.meta.shards);
    const shard_record& r = view.records[shard].record;
    std::vector<term> replicas;
    for (const store_id& s : r.isr)
        if (s != r.primary) replicas.emplace_back(std::string(view.node_of(s)));
    co_return beam::map({{atom("key"), p.key},
                         {atom("shard"), std::uint64_t(shard)},
                         {atom("primary"), std::string(view.node_of(r.primary))},
                         {atom("replicas"), beam::list_of(std::move(replicas))},
                         {atom("epoch"), r.epoch}});
}

/// A short name is a node of this node's host.
std::string full_name(const std::string& node) {
    if (node.find('@') != std::string::npos) return node;
    const std::string own(beam::node().name());
    // It has another address as long as it has no distribution.
    if (node == short_name(beam::this_node_facts().name)) return own;
    return node + own.substr(own.find('@'));
}

awaitable<answer> init(request&, init_params p) {
    if (p.shards == 0 || p.shards > 4096 || (p.shards & (p.shards - 1)) != 0)
        co_return malformed("shards is a power of two between 1 and 4096");
    if (p.copies < 1 || p.copies > 5) co_return malformed("rf is between 1 and 5");
    if (p.min_isr < 1 || p.min_isr > p.copies) co_return malformed("min-isr is between 1 and rf");
    if (p.out_after_ms < out_after_min.count() || p.out_after_ms > out_after_max.count())
        co_return malformed("out-after is between 1s and 30d");
    if (p.nodes.size() > 32) co_return malformed("a cluster has at most 32 nodes");
    founding what;
    what.shards = p.shards;
    what.copies = p.copies;
    what.min_isr = p.min_isr;
    what.out_after_ms = p.out_after_ms;
    for (const std::string& n : p.nodes) what.nodes.push_back(full_name(n));
    if (what.nodes.empty()) what.nodes.emplace_back(beam::node().name());
    std::sort(what.nodes.begin(), what.nodes.end());
    what.nodes.erase(std::unique(what.nodes.begin(), what.nodes.end()), what.nodes.end());
    auto founding_it = keeper::found(std::move(what));
    beam::outcome<beam::outcome<bool>> made = co_await founding_it.outcome();
    if (made && *made) {
        answer now = co_await status_now();
        co_return now;
    }
    const term why = made ? made->error() : made.error();
    const bool is_pair = why.is_tuple() && why.elements().size() == 2;
    const std::string code = is_pair && why.elements()[0].is_atom()
                                 ? std::string(why.elements()[0].as_atom()->name())
                                 : beam::to_string(why);
    const std::string detail = is_pair ? std::string(why.elements()[1].bytes()) : std::string();
    if (code == "exists")
        co_return beam::refuse("exists", "there is a cluster already", "kv cluster status", 1);
    if (code == "needs_etcd")
        co_return beam::refuse("needs_etcd",
                               "a cluster of several hosts needs etcd: set BEAM_KV_COORDINATOR for "
                               "its nodes",
                               "man kv", 78);
    if (code == "unreachable")
        co_return beam::refuse("unreachable", "no answer from " + detail + " within 5s",
                               "beamd status --node " + short_name(detail), 69);
    co_return beam::refuse("failed", "the coordinator says " + code + " " + detail, "beamd logs",
                           74);
}

answer state_failed(const term& why) {
    return beam::refuse("failed", "the coordinator says " + beam::to_string(why), "the same again",
                        75);
}

awaitable<answer> set_state(std::string node, store_state state) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    node = short_name(node);
    if (!k->facts.view->store_of(node))
        co_return beam::refuse("not_found", "no node \"" + node + "\" in this cluster",
                               "kv cluster status");
    auto setting = keeper::set_node_state(node, state);
    beam::outcome<beam::outcome<bool>> set = co_await setting.outcome();
    if (set && *set)
        co_return beam::map({{atom("node"), node}, {atom("state"), std::string(to_string(state))}});
    co_return state_failed(set ? set->error() : set.error());
}

/// The node that is asked takes part.
awaitable<answer> join(request&) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    auto joining = keeper::join_cluster();
    beam::outcome<beam::outcome<bool>> joined = co_await joining.outcome();
    if (joined && *joined) co_return beam::map({{atom("node"), std::string(beam::node().name())}});
    if (joined && joined->error().is_tuple() &&
        joined->error().elements()[0] == atom("not_distributed"))
        co_return beam::refuse("not_distributed", "other nodes cannot reach this one",
                               "beamd --dist --node NAME@127.0.0.1, then kv cluster join --node "
                               "NAME@127.0.0.1",
                               69);
    co_return state_failed(joined ? joined->error() : joined.error());
}

/// The node that is asked leaves. As long as others lack what it has, it says how much, and is to be asked again.
awaitable<answer> leave(request&) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    auto leaving = keeper::leave_cluster();
    beam::outcome<beam::outcome<std::uint64_t>> left = co_await leaving.outcome();
    if (left && *left)
        co_return beam::map({{atom("node"), short_name(std::string(beam::node().name()))},
                             {atom("copies"), **left}});
    const term why = left ? left->error() : left.error();
    const auto is = [&](const char* code) {
        return why.is_tuple() && why.elements()[0] == atom(code);
    };
    if (is("not_a_member"))
        co_return beam::refuse("not_a_member", "this node is none of the cluster's",
                               "kv cluster nodes", 1);
    if (is("last"))
        co_return beam::refuse("last",
                               "no other node is there to take the copies that this one has; it "
                               "stays in the cluster",
                               "kv cluster join on another node", 1);
    if (is("too_few"))
        co_return beam::refuse("too_few",
                               "the nodes left are fewer than --min-isr and would take no writes; "
                               "it stays in the cluster",
                               "kv cluster join on another node", 1);
    co_return state_failed(why);
}

awaitable<answer> drain(request&, node_params p) {
    return set_state(std::move(p.node), store_state::draining);
}
awaitable<answer> remove_node(request&, node_params p) {
    return set_state(std::move(p.node), store_state::removed);
}
awaitable<answer> take_back(request&, node_params p) {
    return set_state(std::move(p.node), store_state::in);
}

}  // namespace

void add_cluster_methods(beam::application_definition& app) {
    app.method("locate", locate, {.restartable = true});
    app.method("cluster_status", status, {.restartable = true});
    app.method("cluster_health", health, {.restartable = true});
    app.method("cluster_nodes", nodes, {.restartable = true});
    app.method("cluster_init", init);
    app.method("cluster_join", join);
    app.method("cluster_leave", leave);
    app.method("cluster_drain", drain);
    app.method("cluster_remove", remove_node);
    app.method("cluster_rejoin", take_back);
}

}  // namespace kv
