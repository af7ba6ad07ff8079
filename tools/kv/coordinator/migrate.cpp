#include "tools/kv/coordinator/migrate.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;

namespace {

first_cluster copy_of(const cluster_view& v) {
    first_cluster f{v.meta, v.stores, v.plan, {}};
    f.meta.moved_to.clear();
    for (const known_record& r : v.records) f.records.push_back(r.record);
    return f;
}

}  // namespace

result<void> migrate(coordinator& from, coordinator& to, const std::string& where) {
    auto here = from.snapshot();
    if (!here) return pass(here);
    if (!here->has_cluster()) return fail("no_cluster", "there is no cluster to move");
    const std::string moved_to = here->meta.moved_to;
    if (!moved_to.empty() && moved_to != where) return fail("moved", moved_to);
    const auto there = to.snapshot();
    if (!there) return pass(there);
    if (there->has_cluster()) {
        const bool is_done = !moved_to.empty() && there->meta.uuid == here->meta.uuid;
        if (is_done) return {};
        return fail("exists", there->meta.uuid);
    }
    if (moved_to.empty()) {
        if (auto retired = from.retire(where); !retired) return retired;
        here = from.snapshot();
        if (!here) return pass(here);
    }
    auto made = to.create(copy_of(*here));
    const bool is_there =
        !made && made.error().is("exists") && made.error().detail == here->meta.uuid;
    if (is_there) return {};
    return made;
}

}  // namespace kv
