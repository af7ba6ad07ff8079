// What is looked at before anything is written.
#include <algorithm>
#include <set>

#include "libbeamcore/base/utf8.hpp"
#include "tools/kv/coordinator/values.hpp"

namespace kv {

using beam::fail;
using beam::result;

namespace {
constexpr std::size_t node_name_max = 255;
}  // namespace

result<void> check(const shard_record& r) {
    const std::set<store_id> set(r.isr.begin(), r.isr.end());
    if (r.epoch == 0) return fail("bad_record", "epoch 0");
    if (!r.has(r.primary)) return fail("bad_record", "the primary is not in its in-sync set");
    if (set.size() != r.isr.size() || set.contains(store_id{}))
        return fail("bad_record", "the in-sync set names a store twice, or none");
    return {};
}

result<void> check(const first_cluster& f) {
    const cluster_meta& m = f.meta;
    if (m.uuid.empty()) return fail("bad_cluster", "no uuid");
    if (m.shards == 0 || m.shards > shards_of_cluster_max)
        return fail("bad_cluster", std::to_string(m.shards) + " shards; 1 to 4096 can be");
    if (m.copies == 0 || m.min_isr > m.copies)
        return fail("bad_cluster", "fewer copies than 1, or than min_isr asks for");
    if (m.out_after < out_after_min || m.out_after > out_after_max)
        return fail("bad_cluster",
                    "a node is put out after less than a second, or more than 30 days");
    if (m.format != known_format) return fail("bad_cluster", "an unknown format");
    if (!m.moved_to.empty()) return fail("bad_cluster", "it has moved");
    if (!m.outdated.empty()) return fail("bad_cluster", "it is outdated");
    if (f.records.size() != m.shards || f.plan.shards.size() != m.shards)
        return fail("bad_cluster", "not one record and one row of the plan a shard");
    for (const shard_record& r : f.records) {
        if (auto ok = check(r); !ok) return fail("bad_cluster", ok.error().detail);
        for (const store_id& id : r.isr)
            if (std::none_of(f.stores.begin(), f.stores.end(),
                             [&](const store_entry& s) { return s.id == id; }))
                return fail("bad_cluster", "a record names store " + to_text(id) +
                                               ", which is none of the cluster's");
    }
    return {};
}

result<void> check(const join_request& r) {
    if (r.node.empty() || r.node.size() > node_name_max || r.node.front() == '.' ||
        !beam::is_printable_utf8(r.node) || r.node.find('/') != std::string::npos)
        return fail("bad_name",
                    "\"" + beam::escape_unprintable(r.node) + "\" cannot be a node's name");
    if (!beam::is_valid_utf8(r.dist_address)) return fail("bad_name", "the address is no text");
    if (r.store.is_none()) return fail("bad_store", "no store");
    return {};
}

result<void> recognise(const cluster_meta* meta, cluster_identity& known) {
    if (!meta || meta->uuid.empty()) {
        if (known.uuid.empty()) return fail("no_cluster", "no cluster was created here");
        return fail("lost", "cluster " + known.uuid + " is not here any more");
    }
    if (known.uuid.empty()) known.uuid = meta->uuid;
    if (meta->uuid != known.uuid)
        return fail("wrong_cluster", "cluster " + meta->uuid + " is here, not " + known.uuid);
    if (!meta->moved_to.empty()) return fail("moved", meta->moved_to);
    if (!meta->outdated.empty()) return fail("outdated", meta->outdated);
    // What was read before are revisions of a coordinator that is gone: they may be those of other values here.
    if (known.recoveries && meta->recoveries != *known.recoveries)
        return fail("recovered", "cluster " + known.uuid + " was lost and recovered since");
    known.recoveries = meta->recoveries;
    return {};
}

result<void> may_replace(const cluster_meta& there, const cluster_meta& by) {
    if (there.uuid != by.uuid || there.recoveries >= by.recoveries)
        return fail("exists", there.uuid);
    if (there.outdated.empty())
        return fail("conflict", "an earlier state of the cluster is here, as nobody has noticed");
    return {};
}

}  // namespace kv
