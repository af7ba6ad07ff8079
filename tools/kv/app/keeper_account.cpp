// keeper: what the store keeps of its cluster: by it the node knows a coordinator that has gone back, and tells what there was
// when it has lost it.
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/shard_disk.hpp"
#include "tools/kv/coordinator/values.hpp"

namespace kv {

namespace {

using beam::awaitable;
using namespace std::chrono_literals;
using account_or_not = beam::outcome<store_account>;

/// While shards are moved these change all the time, and what counts of them is in the shards' own.
constexpr auto records_are_kept_every = 1s;
constexpr auto account_within = 5s;
const std::string view_key = "view";

tl::unexpected<beam::term> refused(std::string_view code, std::string why = {}) {
    return beam::fail_term(beam::tuple(beam::atom(code), std::move(why)));
}

/// All but the records.
bool have_same_nodes(const cluster_view& a, const cluster_view& b) {
    return a.meta == b.meta && a.stores == b.stores && a.members == b.members &&
           a.plan_rev == b.plan_rev;
}

/// What is in the store under view_key. Empty: there is none. One that is damaged counts for none: other stores have it, and what this one
/// alone has is in its shards.
std::string read_view(const std::string& kept) {
    try {
        if (kept.empty()) return {};
        return std::string(unsealed(kept));
    } catch (const malformed_bytes& e) {
        beam::log(beam::log_level::warning, "kv", "the view that the store keeps is damaged",
                  {{"why", e.what()}});
        return {};
    }
}

}  // namespace

beam::future<account_or_not> keeper::account(const std::string& node, bool stands_down) {
    const beam::atom name(node);
    const beam::timeout limit(account_within);
    if (name == beam::node()) return beam::call<give_account>(keeper_name(), limit, stands_down);
    return beam::call<give_account>(beam::server_ref(keeper_name(), name), limit, stands_down);
}

void keeper::keep_view(bool at_once) {
    const auto& view = known_.facts.view;
    if (!known_.has_joined || (kept_view_ && view->rev == kept_view_->rev)) return;
    const time now = beam::monotonic_time();
    if (!at_once && kept_view_ && have_same_nodes(*view, *kept_view_) &&
        now < kept_at_ + records_are_kept_every)
        return;
    kept_view_ = view;
    kept_at_ = now;
    beam::store::batch b;
    b.put(view_key, sealed(bytes_of(*view)));
    beam::store::notify_write(meta_database(), std::move(b), id(), 0);
}

void keeper::handle_info(const beam::store::written& m) {
    if (!m.error.empty()) throw spoilt_disk("the store failed: " + m.error + ": " + m.detail);
}

/// No coordinator is believed that is behind this.
cluster_memory keeper::memory_of_store(const std::string& node) {
    cluster_memory all{node};
    if (auto view = view_from(read_view(in_meta(view_key))))
        all.view = std::make_shared<const cluster_view>(*std::move(view));
    for (const std::uint32_t s : shard_disk::shards_on_disk(store_name())) {
        const shard_disk disk(store_name(), s);
        try {
            all.shards.push_back({s, disk.last_on_disk().epoch, disk.record_on_disk()});
        } catch (const spoilt_disk& e) {
            // Its own process ends by it; the others go on.
            beam::log(beam::log_level::warning, "kv", "a shard cannot tell what it has seen",
                      {{"why", e.what()}});
        }
    }
    return all;
}

void keeper::tell_of_coordinator(const coordinator_reachable& is) const {
    if (!is.why.is("outdated") || known_.coordinator.why == is.why) return;
    beam::log(beam::log_level::error, "kv",
              "the coordinator has an earlier state of the cluster: was it restored from a backup?",
              {{"why", is.why.detail}, {"try", "kv cluster recover --coordinator-lost"}});
}

/// A cluster that was put together anew has another history of revisions: whoever acts by the old one begins anew. So does who
/// has believed an earlier state, as others know: then it has no part in anything. Who knows better goes on by what it knows.
beam::cast_result keeper::handle_info(coordinator_reachable m) {
    const bool begins_anew = m.why.is("recovered") || (m.was_believed && known_.facts.view);
    tell_of_coordinator(m);
    // With what it did meanwhile: else nothing might show that the cluster has gone on twice.
    if (m.was_believed && known_.facts.view) keep_view(true);
    known_.coordinator = std::move(m);
    if (begins_anew) return beam::stop_with{beam::atoms::shutdown};
    return beam::noreply{};
}

awaitable<beam::call_result<account_or_not>> keeper::handle_call(give_account m) {
    auto looking = coordinator_process::view(coordinator_name());
    const auto seen = co_await looking;
    if (seen && (*seen)->has_cluster())
        co_return account_or_not(refused("coordinator_is_there", (*seen)->meta.uuid));
    if (seen) co_return account_or_not(refused("not_a_member"));
    if (!seen.error().is("lost") && !seen.error().is("outdated"))
        co_return account_or_not(refused(seen.error().code, seen.error().detail));
    if (!m.stands_down) {
        account_or_not found = co_await account_of_store();
        co_return found;
    }
    const bool all_stopped = co_await stop_shards();
    account_or_not found = refused("busy");
    if (all_stopped) found = co_await account_of_store();
    // The next one finds a coordinator that has nothing to be believed, and starts no shard before there is something.
    co_return beam::call_result<account_or_not>(beam::stop_with{beam::atoms::shutdown},
                                                std::move(found));
}

/// With all that was asked of the store before.
awaitable<account_or_not> keeper::account_of_store() const {
    auto barrier = beam::store::put(meta_database(), "accounted", "");
    const auto written = co_await barrier;
    if (!written) throw spoilt_disk(written.error().code + ": " + written.error().detail);
    store_account a;
    a.node = name_;
    a.store = known_.facts.self;
    a.uuid = in_meta("cluster");
    a.view = read_view(in_meta(view_key));
    for (const std::uint32_t s : shard_disk::shards_on_disk(store_name())) {
        const shard_disk disk(store_name(), s);
        const log_point last = disk.last_on_disk();
        const shard_record acted = disk.record_on_disk();
        const past_lead lead = disk.written_on_disk();
        std::uint64_t asked_in = last.epoch;
        try {
            asked_in = disk.asked_in_on_disk();
        } catch (const spoilt_disk&) {
            // An entry before the last is damaged: it may have been a client's.
        }
        a.shards.push_back({s, last.epoch, last.seq,
                            acted.epoch == 0 ? std::string() : encode(acted),
                            disk.is_erased_on_disk(), lead.store, lead.epoch, asked_in});
    }
    co_return a;
}

}  // namespace kv
