#include "tools/kv/app/answers.hpp"

#include <utility>
#include <vector>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/succession.hpp"
#include "tools/kv/comma_list.hpp"

namespace kv {

namespace {

using beam::awaitable;
using beam::request_error;

struct situation {
    std::string why, advice;
};

constexpr const char* too_few = " has fewer copies in sync than the cluster's --min-isr";

/// Why no copy of that shard answers, as far as this node can tell.
situation situation_of(const node_standing& k, std::uint32_t shard, const std::string& key) {
    const auto loss = loss_of(k);
    if (!k.facts.view && loss) return {loss->why, loss->advice};
    if (!k.facts.view) return {"the cluster's coordinator did not answer yet", "kv cluster status"};
    const cluster_view& view = *k.facts.view;
    if (!view.has_cluster()) return {"this node is in no cluster", "kv cluster init --help"};
    if (!k.trouble.empty())
        return {"this node could not join its cluster: " + k.trouble, "beamd logs"};
    const shard_record& r = view.records[shard].record;
    std::vector<std::string> down, up, lost;
    for (const store_id& s : r.isr) {
        const std::string node(view.node_of(s));
        const store_entry* heir = view.heir_of(s);
        (is_up(view, s) ? up : heir && is_up(view, heir->id) ? lost : down).push_back(node);
    }
    const std::string which = "shard " + std::to_string(shard) + ": ";
    if (up.empty() && !lost.empty() && down.empty())
        for (const store_id& s : may_have_more(view, shard)) down.emplace_back(view.node_of(s));
    if (up.empty() && !lost.empty())
        return down.empty() ? situation{which + "it goes on in a moment with what " +
                                            joined(lost, " and ") + " had synced",
                                        "the same again"}
                            : situation{which + joined(lost, " and ") +
                                            " may have lost what was acknowledged last, and " +
                                            joined(down, " and ") + ", which may have it, is down",
                                        "start " + down.front() + ", or kv cluster recover --help"};
    if (up.empty() && down.size() == 1)
        return {which + "the only current copy is on " + down.front() + ", which is down",
                "start " + down.front() + ", or kv cluster recover --help"};
    if (up.empty())
        return {which + "all current copies are down, on " + joined(down, " and "),
                "start one of them, or kv cluster recover --help"};
    return {which + "no contact with " + joined(up, " and "),
            "kv get " + key + " --node " + up.front()};
}

}  // namespace

tl::unexpected<request_error> malformed(std::string why) {
    return beam::refuse("bad_params", std::move(why), {}, 2);
}

tl::unexpected<request_error> no_such_key(const std::string& key) {
    return beam::refuse("not_found", "no such key", "kv put " + key + " VALUE", 1);
}

awaitable<request_error> failed(routed_answer a, std::string key, bool is_write) {
    const char* nothing = is_write ? "; nothing was written" : "";
    switch (a.what.what) {
        case answer::kind::busy:
            co_return beam::refuse("busy", "too many requests are under way" + std::string(nothing),
                                   "the same again", 75)
                .value();
        case answer::kind::unknown: {
            const std::string by = a.node.empty() ? std::string() : " (" + short_name(a.node) + ")";
            const std::string shard = "shard " + std::to_string(a.shard);
            request_error e = beam::refuse("unknown",
                                           (a.what.why == too_few_copies
                                                ? shard + too_few
                                                : "no answer from " + shard + by + " in time") +
                                               "; the write may or may not have been applied",
                                           "kv get " + key, 75)
                                  .value();
            e.applied_unknown = true;
            co_return e;
        }
        default:
            break;
    }
    auto asking = keeper::known();
    beam::outcome<node_standing> k = co_await asking.outcome();
    situation s{"the cluster's keeper is being restarted", "the same again"};
    if (k) s = situation_of(*k, a.shard, key);
    if (a.what.why == too_few_copies) {
        s.why = "shard " + std::to_string(a.shard) + too_few;
        s.advice = "kv cluster health";
    }
    co_return beam::refuse("unavailable", s.why + nothing, s.advice, 69).value();
}

std::string short_name(const std::string& address) {
    return address.substr(0, address.find('@'));
}

}  // namespace kv
