#include "tools/kv/app/succession.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/coordinator/coordinator_process.hpp"

namespace kv {

namespace {

using beam::awaitable;

/// What each store says it has of the shards. Who did not answer is not in it.
using copies = std::map<store_id, std::map<std::uint32_t, copy_on_disk>>;

/// All at once: one that is silent takes no time from the others.
awaitable<copies> copies_of(const cluster_view* view, const std::vector<lost_shard>* shards) {
    std::vector<std::uint32_t> wanted;
    wanted.reserve(shards->size());
    for (const lost_shard& s : *shards) wanted.push_back(s.shard);
    std::vector<store_id> stores;
    std::vector<beam::future<std::vector<copy_on_disk>>> asked;
    for (const member& m : view->members) {
        if (!m.is_alive) continue;
        stores.push_back(m.store);
        asked.push_back(keeper::copies(m.dist_address, wanted));
    }
    copies all;
    for (std::size_t i = 0; i < stores.size(); ++i) {
        beam::outcome<std::vector<copy_on_disk>> told = co_await asked[i].outcome();
        if (!told) continue;
        auto& of = all[stores[i]];
        for (const copy_on_disk& c : *told) of[c.shard] = c;
    }
    co_return all;
}

bool is_in(const cluster_view& view, const store_id& store) {
    const store_entry* const entry = view.find_store(store);
    return entry && entry->state == store_state::in;
}

log_point last_of(const copy_on_disk& c) {
    return {c.epoch, c.seq};
}

/// A copy that was not in sync leads with what it has only if that is of this history, and if its data is what its log leads to: one
/// that was just filled has some of what came later. Not if it is about to go.
bool may_lead(const cluster_view& view, const store_id& store, const copy_on_disk& c) {
    const shard_record& r = view.records[c.shard].record;
    const store_entry* const entry = view.find_store(store);
    const bool stays =
        entry && (entry->state == store_state::in || entry->state == store_state::out);
    // With nothing later than `past_from` its log may be of a history that a recovery of the coordinator gave up.
    return stays && !c.is_ahead && c.epoch > r.past_from && c.epoch <= r.epoch;
}

/// None: somebody did not say what it has, which may be more.
store_id longest(const copies& all, const lost_shard& s, const cluster_view& view) {
    for (const store_id& planned : view.plan_of(s.shard))
        if (is_in(view, planned) && !all.contains(planned)) return {};
    store_id best;
    log_point most;
    for (const store_id& heir : s.heirs) {
        const auto of = all.find(heir);
        if (of == all.end()) return {};
        const auto copy = of->second.find(s.shard);
        if (copy == of->second.end()) return {};
        if (!best.is_none() && last_of(copy->second) <= most) continue;
        best = heir;
        most = last_of(copy->second);
    }
    for (const auto& [store, of] : all) {
        const auto copy = of.find(s.shard);
        if (copy == of.end() || last_of(copy->second) <= most) continue;
        if (!may_lead(view, store, copy->second)) continue;
        best = store;
        most = last_of(copy->second);
    }
    return best;
}

beam::process succeed(beam::self, std::shared_ptr<const cluster_view> view,
                      std::vector<lost_shard> shards) {
    auto asking = copies_of(view.get(), &shards);
    const copies found = co_await asking;
    std::uint64_t done = 0;
    for (const lost_shard& s : shards) {
        const store_id best = longest(found, s, *view);
        if (best.is_none()) continue;
        std::vector<store_id> isr{best};
        auto writing = coordinator_process::recover(coordinator_name(), s.shard, best,
                                                    std::move(isr), view->records[s.shard].rev);
        const beam::result<known_record> now = co_await writing;
        if (now) ++done;
    }
    if (done > 0)
        beam::log(beam::log_level::warning, "kv",
                  "shards go on without what was acknowledged last and not synced as the machines "
                  "stopped",
                  {{"shards", std::to_string(done)}});
}

}  // namespace

std::vector<store_id> may_have_more(const cluster_view& view, std::uint32_t shard) {
    std::vector<store_id> all;
    for (const store_id& planned : view.plan_of(shard))
        if (is_in(view, planned) && !is_up(view, planned)) all.push_back(planned);
    return all;
}

std::vector<lost_shard> lost_shards(const cluster_view& view, const store_id& self) {
    std::vector<lost_shard> all;
    for (std::uint32_t s = 0; s < view.records.size(); ++s) {
        const shard_record& r = view.records[s].record;
        const store_entry* first = view.heir_of(r.primary);
        if (!first || first->id != self) continue;
        lost_shard lost{s, {self}};
        const bool all_are_there = std::all_of(r.isr.begin(), r.isr.end(), [&](const store_id& m) {
            const store_entry* heir = view.heir_of(m);
            if (!heir || !is_up(view, heir->id)) return false;
            if (heir->id != self) lost.heirs.push_back(heir->id);
            return true;
        });
        if (all_are_there && may_have_more(view, s).empty()) all.push_back(std::move(lost));
    }
    return all;
}

beam::pid begin_succession(std::shared_ptr<const cluster_view> view,
                           std::vector<lost_shard> shards) {
    return beam::spawn(succeed, std::move(view), std::move(shards));
}

}  // namespace kv
