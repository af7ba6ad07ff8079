#include "tools/kv/app/cluster_known.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/runtime/timer.hpp"

namespace kv {

namespace {

using beam::awaitable;
using beam::request_error;
using namespace std::chrono_literals;

constexpr auto known_within = 8s;
constexpr auto between_looks = 20ms;

request_error no_cluster(const node_standing& k) {
    if (!k.trouble.empty())
        return beam::refuse("unavailable", "this node could not join its cluster: " + k.trouble,
                            "beamd logs", 69)
            .value();
    const auto loss = loss_of(k);
    if (!k.facts.view && loss)
        return beam::refuse("unavailable", loss->why, loss->advice, 69).value();
    if (!k.facts.view && !k.coordinator.why.code.empty())
        return beam::refuse("unavailable",
                            "the coordinator does not answer: " + k.coordinator.why.code,
                            "kv cluster status", 69)
            .value();
    if (!k.facts.view)
        return beam::refuse("unavailable", "the coordinator has not said yet what cluster there is",
                            "kv cluster status", 69)
            .value();
    return beam::refuse("no_cluster", "this node is in no cluster", "kv cluster init --help", 69)
        .value();
}

}  // namespace

std::optional<coordinator_loss> loss_of(const node_standing& node) {
    const coordinator_reachable& coordinator = node.coordinator;
    const std::string advice = "kv cluster recover --coordinator-lost";
    if (const std::string& before = node.coordinator_before;
        !before.empty() && (coordinator.why.is("lost") || coordinator.why.is("wrong_cluster")))
        return coordinator_loss{
            "this node's cluster is not in the coordinator that it was started with, " +
                node.coordinator_name + "; it was in " + before + " when the node last took part",
            "beamd stop, and start it without BEAM_KV_COORDINATOR and BEAM_KV_CLUSTER; or, if that "
            "is gone for good, kv cluster recover --coordinator-lost"};
    if (coordinator.why.is("lost"))
        return coordinator_loss{"the coordinator has lost its data: " + coordinator.why.detail,
                                advice};
    if (coordinator.why.is("outdated"))
        return coordinator_loss{
            "the coordinator has an earlier state of the cluster, from a "
            "backup perhaps: " +
                coordinator.why.detail,
            advice};
    return std::nullopt;
}

bool is_up(const cluster_view& view, const store_id& store) {
    const store_entry* s = view.find_store(store);
    const member* there = s ? view.find_member(s->node) : nullptr;
    return there && there->store == store && there->is_alive;
}

std::vector<store_id> stores_being_filled(const cluster_view& view) {
    std::vector<store_id> all;
    for (std::uint32_t s = 0; s < view.records.size(); ++s) {
        const shard_record& r = view.records[s].record;
        if (!is_up(view, r.primary)) continue;
        for (const store_id& planned : view.plan_of(s))
            if (!r.has(planned)) all.push_back(planned);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

std::vector<store_id> row_to_follow(const cluster_view& view, std::uint32_t shard,
                                    const std::vector<store_id>& being_filled) {
    std::vector<store_id> row = view.plan_of(shard);
    const store_id& leads = view.records[shard].record.primary;
    std::stable_partition(row.begin(), row.end(), [&](const store_id& s) {
        return s == leads || !std::binary_search(being_filled.begin(), being_filled.end(), s);
    });
    return row;
}

awaitable<tl::expected<node_standing, request_error>> settled() {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + known_within;
    node_standing last;
    for (;;) {
        auto asking = keeper::known();
        beam::outcome<node_standing> k = co_await asking.outcome();
        if (k && k->facts.view && k->facts.view->has_cluster()) co_return *std::move(k);
        if (k) last = *std::move(k);
        if (beam::monotonic_time() >= until) break;
        co_await me.sleep_for(between_looks);
    }
    co_return tl::unexpected<request_error>(no_cluster(last));
}

}  // namespace kv
