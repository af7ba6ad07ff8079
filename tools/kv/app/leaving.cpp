// keeper: how a node leaves its cluster. First it is drained as any node: the plan moves its copies. When no record and no
// plan names its store any more, the store is removed from the cluster and emptied, and gets another name: so nothing that
// it held is ever taken for a copy, here or in another cluster.
#include <algorithm>
#include <utility>

#include "libbeamcore/store/store.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"

namespace kv {

namespace {

using beam::awaitable;
using copies_or_not = beam::outcome<std::uint64_t>;

tl::unexpected<beam::term> refused(const char* code, std::string why = {}) {
    return beam::fail_term(beam::tuple(beam::atom(code), std::move(why)));
}
tl::unexpected<beam::term> refused(const beam::error& e) {
    return beam::fail_term(beam::tuple(beam::atom(e.code), e.detail));
}

/// What others could take copies: nodes of the plan that are up.
std::size_t nodes_beside(const cluster_view& view, const std::string& name) {
    const auto nodes = view.nodes_in();
    return std::size_t(std::count_if(nodes.begin(), nodes.end(), [&](const std::string& n) {
        return n != name && is_up(view, view.store_of(n)->id);
    }));
}

}  // namespace

beam::future<copies_or_not> keeper::leave_cluster() {
    return beam::call<give_up_part>(keeper_name(), beam::timeout(beam::infinity{}));
}

awaitable<beam::call_result<copies_or_not>> keeper::handle_call(give_up_part) {
    copies_or_not left = co_await move_off();
    if (!left || *left > 0) co_return beam::call_result<copies_or_not>(std::move(left));
    left = co_await give_up_store();
    if (!left) co_return beam::call_result<copies_or_not>(std::move(left));
    // The next one finds another store. What stands on this one begins anew with it.
    co_return beam::call_result<copies_or_not>(beam::stop_with{beam::atoms::shutdown},
                                               std::move(left));
}

/// Shards that have a copy here, or shall have.
std::uint64_t keeper::copies_left(const cluster_view& view, const store_entry& own) {
    std::uint64_t n = 0;
    for (std::uint32_t s = 0; s < view.records.size(); ++s) {
        const auto planned = view.plan_of(s);
        const bool is_planned = std::find(planned.begin(), planned.end(), own.id) != planned.end();
        n += is_planned || view.is_left_on(own, view.records[s].record) ? 1 : 0;
    }
    return n;
}

awaitable<copies_or_not> keeper::move_off() {
    auto looking = coordinator_process::view(coordinator_name());
    const auto seen = co_await looking;
    if (!seen) co_return refused(seen.error());
    const cluster_view& view = **seen;
    if (!view.has_cluster()) co_return refused("no_cluster");
    const store_entry* own = view.find_store(known_.facts.self);
    if (!own) co_return refused("not_a_member");
    const std::uint64_t copies = copies_left(view, *own);
    if (copies == 0) co_return copies;
    // Begun already; others may be away for a moment.
    if (own->state == store_state::draining || own->state == store_state::removed) co_return copies;
    const std::size_t others = nodes_beside(view, name_);
    if (others == 0) co_return refused("last");
    if (others < view.meta.min_isr) co_return refused("too_few");
    auto draining = coordinator_process::set_store_state(coordinator_name(), own->id,
                                                         store_state::draining, own->rev);
    const beam::result<std::uint64_t> set = co_await draining;
    if (!set && !set.error().is("conflict")) co_return refused(set.error());
    co_return copies;
}

/// A primary adds only who acks, so without shards here no record can come to name this store again. One that was asked
/// for earlier may: its primary then takes it out again, as one whose disk was lost.
awaitable<copies_or_not> keeper::give_up_store() {
    const bool all_stopped = co_await stop_shards();
    if (!all_stopped) co_return refused("busy", "a shard could not be stopped");
    auto looking = coordinator_process::view(coordinator_name());
    const auto seen = co_await looking;
    if (!seen) co_return refused(seen.error());
    const store_entry* own = (*seen)->find_store(known_.facts.self);
    if (!own) co_return refused("not_a_member");
    if (const std::uint64_t again = copies_left(**seen, *own); again > 0) co_return again;
    if (own->state != store_state::removed) {
        auto removing = coordinator_process::set_store_state(coordinator_name(), own->id,
                                                             store_state::removed, own->rev);
        const beam::result<std::uint64_t> removed = co_await removing;
        if (!removed) co_return refused(removed.error());
    }
    // If it does not say so, its lock or its lease does.
    auto ending = coordinator_process::leave(coordinator_name());
    (void)co_await ending;
    beam::store::batch nothing;
    for (const char* database : {"data", "due", "log", "meta"})
        nothing.in(database).erase_prefix("");
    // It goes on passing requests to the cluster, and may join it again.
    nothing.in("meta").put("coordinator", coordinator_used_);
    auto emptying = beam::store::write(meta_database(), std::move(nothing));
    const beam::result<void> emptied = co_await emptying;
    if (!emptied) co_return refused(emptied.error());
    co_return std::uint64_t{0};
}

}  // namespace kv
