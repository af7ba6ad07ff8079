// kv.cluster_recover: shards whose copies in sync are all gone, led by what is left. kv.cluster_rebalance: what the next
// plan would move. kv.cluster_migrate: from the file of a host to etcd.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/settings.hpp"
#include "tools/kv/app/succession.hpp"
#include "tools/kv/comma_list.hpp"
#include "tools/kv/coordinator/coordinator_process.hpp"
#include "tools/kv/coordinator/migrate.hpp"
#include "tools/kv/shard/config.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;
using beam::term;

struct recover_params {
    bool accept_data_loss = false;
    BEAM_FIELDS(recover_params, accept_data_loss)
};

/// Those that nobody who is up can serve.
std::vector<std::uint32_t> offline_shards(const cluster_view& view) {
    std::vector<std::uint32_t> all;
    for (std::uint32_t s = 0; s < view.records.size(); ++s) {
        const auto& isr = view.records[s].record.isr;
        if (std::none_of(isr.begin(), isr.end(), [&](auto& m) { return is_up(view, m); }))
            all.push_back(s);
    }
    return all;
}

std::string names_of(const cluster_view& view, const std::set<store_id>& stores) {
    std::set<std::string> names;
    for (const store_id& s : stores) names.emplace(view.node_of(s));
    return joined({names.begin(), names.end()}, ", ");
}

/// Where all that counts of those shards is: on nodes that are down, and in what is left on nodes whose machines stopped.
struct places {
    std::set<store_id> down, lost;
};

places places_of(const cluster_view& view, const std::vector<std::uint32_t>& shards) {
    places all;
    for (const std::uint32_t s : shards) {
        for (const store_id& m : view.records[s].record.isr) {
            const store_entry* heir = view.heir_of(m);
            const bool is_left = heir && is_up(view, heir->id);
            (is_left ? all.lost : all.down).insert(m);
            if (!is_left) continue;
            for (const store_id& other : may_have_more(view, s)) all.down.insert(other);
        }
    }
    return all;
}

std::string text_of(const places& p, const cluster_view& view) {
    std::string all;
    if (!p.down.empty())
        all = "on " + names_of(view, p.down) +
              (p.down.size() == 1 ? ", which is down" : ", which are down");
    if (!p.lost.empty())
        all += (all.empty() ? "" : ", or ") + std::string("on ") + names_of(view, p.lost) +
               " as before a stop of the machine, with what was not synced then";
    return all;
}

struct best_copy {
    store_id store;
    log_point last;
};

/// The newest copy of each shard on the nodes that are up; an empty one where there is nothing.
awaitable<std::map<std::uint32_t, best_copy>> best_copies(std::shared_ptr<const cluster_view> view,
                                                          std::vector<std::uint32_t> shards) {
    std::map<std::uint32_t, best_copy> best;
    for (const member& m : view->members) {
        if (!m.is_alive) continue;
        auto asking = keeper::copies(m.dist_address, shards);
        beam::outcome<std::vector<copy_on_disk>> copies = co_await asking.outcome();
        if (!copies) continue;
        for (const copy_on_disk& c : *copies) {
            best_copy& b = best[c.shard];
            const log_point last{c.epoch, c.seq};
            if (b.store.is_none() || last > b.last) b = best_copy{m.store, last};
        }
    }
    co_return best;
}

awaitable<beam::answer> recover(request&, recover_params p) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    auto view = k->facts.view;
    const auto shards = offline_shards(*view);
    if (shards.empty())
        co_return beam::map({{atom("recovered"), std::uint64_t(0)}, {atom("given_up"), ""}});
    const places where = places_of(*view, shards);
    if (!p.accept_data_loss)
        co_return beam::refuse(
            "data_loss",
            std::to_string(shards.size()) + " shards have all current copies " +
                text_of(where, *view) + "; to recover them loses what only these have",
            where.down.empty() ? "the same again: they go on by themselves in a moment"
                               : "start one that is down, or kv cluster recover "
                                 "--accept-data-loss",
            1);
    std::set<store_id> given_up = where.down;
    given_up.insert(where.lost.begin(), where.lost.end());
    // Whoever was the primary has stopped to read by then, if it lives where nobody sees it.
    beam::self me = beam::this_process();
    co_await me.sleep_for(config{}.grace);
    const auto best = co_await best_copies(view, shards);
    std::uint64_t recovered = 0;
    std::string trouble;
    for (const auto& [s, copy] : best) {
        std::vector<store_id> isr{copy.store};
        auto writing = coordinator_process::recover(coordinator_name(), s, copy.store,
                                                    std::move(isr), view->records[s].rev);
        const beam::result<known_record> now = co_await writing;
        if (now)
            ++recovered;
        else
            trouble = now.error().code;
    }
    if (recovered < shards.size())
        co_return beam::refuse("partly",
                               "only " + std::to_string(recovered) + " of " +
                                   std::to_string(shards.size()) + " shards are recovered" +
                                   (trouble.empty() ? "" : ": " + trouble),
                               "kv cluster recover", 75);
    co_return beam::map(
        {{atom("recovered"), recovered}, {atom("given_up"), names_of(*view, given_up)}});
}

/// Each copy that the plan has where there is none now, and each change of who should lead: the plan as it is, or as it will be
/// made for the nodes that are in now.
awaitable<beam::answer> rebalance(request&) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    const cluster_view& view = *k->facts.view;
    const std::vector<std::string> nodes = view.nodes_in();
    const bool is_planned = nodes == view.plan.nodes;
    const plan next = is_planned ? view.plan : next_plan(view.plan, nodes, view.meta.copies);
    std::vector<term> moves;
    for (std::uint32_t s = 0; s < view.records.size(); ++s) {
        const shard_record& is = view.records[s].record;
        for (const std::string& node : next.shards[s]) {
            const store_entry* store = view.store_of(node);
            if (store && !is.has(store->id))
                moves.push_back(
                    beam::map({{atom("shard"), std::uint64_t(s)}, {atom("copy_to"), node}}));
        }
        const std::string leads(view.node_of(is.primary));
        if (!next.shards[s].empty() && next.shards[s].front() != leads)
            moves.push_back(beam::map(
                {{atom("shard"), std::uint64_t(s)}, {atom("lead_by"), next.shards[s].front()}}));
    }
    co_return beam::map(
        {{atom("moves"), beam::list_of(std::move(moves))}, {atom("planned"), is_planned}});
}

struct migrate_params {
    std::string to;
    BEAM_FIELDS(migrate_params, to)
};

/// An empty code: it is done.
beam::error moved(const coordinator_options& from_options, const etcd_options& to_options,
                  const std::string& where) {
    auto from = open_coordinator(from_options);
    if (!from) return from.error();
    auto to = open_coordinator(to_options);
    if (!to) return to.error();
    const auto done = migrate(**from, **to, where);
    return done ? beam::error() : done.error();
}

/// From the file of this host to etcd. Nodes serve meanwhile and after; what they are started with next is for who asked.
awaitable<beam::answer> migrate_to(request&, migrate_params p) {
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    if (k->coordinator_name != local_coordinator)
        co_return beam::refuse("exists", "the cluster is in etcd already", "kv cluster health", 1);
    const std::string uuid = k->facts.view->meta.uuid;
    const coordinator_options from = coordinator_setting("migrate", uuid, "");
    etcd_options to = etcd_setting(p.to, "");
    if (to.endpoints.empty()) co_return malformed("the address of an etcd is missing");
    auto job = beam::blocking([from, to, where = p.to] { return moved(from, to, where); });
    const beam::error failed = co_await job;
    if (!failed.code.empty())
        co_return beam::refuse("failed", "it says " + failed.code + " " + failed.detail,
                               "the same again, which goes on where it stopped", 75);
    co_return beam::map({{atom("coordinator"), p.to}});
}

}  // namespace

void add_repair_methods(beam::application_definition& app) {
    app.method("cluster_recover", recover);
    app.method("cluster_migrate", migrate_to);
    app.method("cluster_rebalance", rebalance, {.restartable = true});
}

}  // namespace kv
