#include "tools/kv/coordinator/cluster_memory.hpp"

#include <algorithm>

namespace kv {

namespace {

std::string less(const std::string& what, std::uint64_t is, const std::string& node,
                 std::uint64_t was) {
    return what + " " + std::to_string(is) + ", and " + node + " has seen " + std::to_string(was);
}

std::string older_epoch(std::size_t shard, std::uint64_t is, const std::string& node,
                        std::uint64_t was) {
    return less("shard " + std::to_string(shard) + " is at epoch", is, node, was);
}

/// Epochs grow over recoveries too. Of one epoch there is one record. Higher ones may be of another history, which begins with
/// an older record as well: there, who led in the epoch that was seen did not.
std::string older_record(std::size_t shard, const shard_record& is, const std::string& node,
                         const shard_record& was) {
    if (is.epoch < was.epoch) return older_epoch(shard, is.epoch, node, was.epoch);
    if (is.epoch == was.epoch && !(is == was))
        return "shard " + std::to_string(shard) + " has another record at epoch " +
               std::to_string(is.epoch) + " than " + node + " has seen";
    if (!is.follows(was))
        return "shard " + std::to_string(shard) + ", at epoch " + std::to_string(is.epoch) +
               ", does not follow epoch " + std::to_string(was.epoch) + " as " + node +
               " has seen it";
    return {};
}

std::string older_view(const cluster_view& now, const std::string& node,
                       const cluster_view& before) {
    if (now.meta.recoveries < before.meta.recoveries)
        return less("its recoveries are", now.meta.recoveries, node, before.meta.recoveries);
    const std::size_t shards = std::min(now.records.size(), before.records.size());
    for (std::size_t s = 0; s < shards; ++s) {
        const auto why = older_record(s, now.records[s].record, node, before.records[s].record);
        if (!why.empty()) return why;
    }
    if (now.meta.recoveries != before.meta.recoveries) return {};
    if (now.plan.number < before.plan.number)
        return less("its plan is number", now.plan.number, node, before.plan.number);
    for (const store_entry& s : before.stores)
        if (!now.find_store(s.id))
            return "a store of " + s.node + " is missing that " + node + " has seen";
    return {};
}

}  // namespace

std::string what_is_older(const cluster_view& now, const cluster_memory& before) {
    if (!now.meta.moved_to.empty()) return {};
    if (before.view) {
        const auto why = older_view(now, before.node, *before.view);
        if (!why.empty()) return why;
    }
    for (const shard_memory& m : before.shards) {
        if (m.shard >= now.records.size()) continue;
        const shard_record& is = now.records[m.shard].record;
        if (is.epoch < m.epoch) return older_epoch(m.shard, is.epoch, before.node, m.epoch);
        if (m.acted.epoch == 0) continue;
        const auto why = older_record(m.shard, is, before.node, m.acted);
        if (!why.empty()) return why;
    }
    return {};
}

}  // namespace kv
