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

/// What each store has of the shards: the last point of its log. Who did not answer is not in it.
using logs = std::map<store_id, std::map<std::uint32_t, log_point>>;

awaitable<logs> logs_of(std::shared_ptr<const cluster_view> view,
                        const std::vector<lost_shard>* shards) {
    std::vector<std::uint32_t> wanted;
    wanted.reserve(shards->size());
    for (const lost_shard& s : *shards) wanted.push_back(s.shard);
    logs all;
    for (const member& m : view->members) {
        if (!m.is_alive) continue;
        auto asking = keeper::copies(m.dist_address, wanted);
        beam::outcome<std::vector<copy_on_disk>> copies = co_await asking.outcome();
        if (!copies) continue;
        for (const copy_on_disk& c : *copies) all[m.store][c.shard] = {c.epoch, c.seq};
    }
    co_return all;
}

/// None: one of the heirs did not say what it has, which may be more.
store_id longest(const logs& all, const lost_shard& s, const shard_record& record) {
    store_id best;
    log_point most;
    for (const store_id& heir : s.heirs) {
        const auto of = all.find(heir);
        if (of == all.end()) return {};
        const auto last = of->second.find(s.shard);
        if (last == of->second.end()) return {};
        if (best.is_none() || last->second > most) {
            best = heir;
            most = last->second;
        }
    }
    for (const auto& [store, of] : all) {
        const auto last = of.find(s.shard);
        if (last == of.end() || last->second <= most) continue;
        // With nothing later than that its log may be of a history that a recovery of the coordinator gave up.
        if (last->second.epoch <= record.past_from) continue;
        best = store;
        most = last->second;
    }
    return best;
}

beam::process succeed(beam::self, std::shared_ptr<const cluster_view> view,
                      std::vector<lost_shard> shards) {
    auto asking = logs_of(view, &shards);
    const logs found = co_await asking;
    std::uint64_t done = 0;
    for (const lost_shard& s : shards) {
        const store_id best = longest(found, s, view->records[s.shard].record);
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
    for (const store_id& planned : view.plan_of(shard)) {
        const store_entry* store = view.find_store(planned);
        if (store && store->state == store_state::in && !is_up(view, planned))
            all.push_back(planned);
    }
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

void begin_succession(std::shared_ptr<const cluster_view> view, std::vector<lost_shard> shards) {
    beam::spawn(succeed, std::move(view), std::move(shards));
}

}  // namespace kv
