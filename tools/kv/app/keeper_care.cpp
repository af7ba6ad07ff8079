// keeper: what any node may do for the cluster. All do, by compare-and-swap; the first wins.
#include <algorithm>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/succession.hpp"

namespace kv {

namespace {

using beam::awaitable;
using namespace std::chrono_literals;

constexpr auto lost_shards_every = 2s;
}  // namespace

awaitable<void> keeper::care_for_cluster() {
    if (!known_.coordinator.is_reachable) co_return;
    co_await put_out_silent();
    co_await renew_plan();
    co_await see_to_lost_shards();
}

/// By another process: it asks other keepers, which may ask this one meanwhile. One at a time: a later one may know less.
awaitable<void> keeper::see_to_lost_shards() {
    if (!has_settled()) co_return;
    const time now = beam::monotonic_time();
    if (lost_shards_at_ != time{} && now < lost_shards_at_ + lost_shards_every) co_return;
    auto lost = lost_shards(*known_.facts.view, known_.facts.self);
    if (lost.empty()) co_return;
    if (succession_) {
        const bool goes_on = co_await beam::is_alive(*succession_);
        if (goes_on) co_return;
    }
    lost_shards_at_ = now;
    succession_ = begin_succession(known_.facts.view, std::move(lost));
}

/// A node whose life is over for a while holds no copies in the next plan. It comes back in by itself.
awaitable<void> keeper::put_out_silent() {
    const auto view = known_.facts.view;
    const time now = beam::monotonic_time();
    for (const store_entry& s : view->stores) {
        if (view->store_of(s.node) != &s) continue;
        if (s.node == name_) {
            if (s.state != store_state::out) continue;
            auto back = coordinator_process::set_store_state(coordinator_name(), s.id,
                                                             store_state::in, s.rev);
            (void)co_await back;
            continue;
        }
        const member* there = view->find_member(s.node);
        if (there && there->is_alive) {
            silent_since_.erase(s.node);
            continue;
        }
        const time since = silent_since_.try_emplace(s.node, now).first->second;
        if (s.state != store_state::in || now < since + view->meta.out_after) continue;
        beam::log(beam::log_level::notice, "kv", "a node is out", {{"node", s.node}});
        auto out =
            coordinator_process::set_store_state(coordinator_name(), s.id, store_state::out, s.rev);
        (void)co_await out;
    }
}

awaitable<void> keeper::renew_plan() {
    const auto view = known_.facts.view;
    const auto nodes = view->nodes_in();
    if (nodes.empty() || nodes == view->plan.nodes) co_return;
    plan next = next_plan(view->plan, nodes, view->meta.copies);
    auto writing =
        coordinator_process::write_plan(coordinator_name(), std::move(next), view->plan_rev);
    (void)co_await writing;
}

awaitable<beam::outcome<bool>> keeper::handle_call(set_state m) {
    const auto view = known_.facts.view;
    const store_entry* s = view ? view->store_of(m.node) : nullptr;
    if (!s) co_return beam::fail_term(beam::tuple(beam::atom("no_node"), m.node));
    auto setting = coordinator_process::set_store_state(coordinator_name(), s->id, m.state, s->rev);
    const beam::result<std::uint64_t> set = co_await setting;
    if (!set)
        co_return beam::fail_term(beam::tuple(beam::atom(set.error().code), set.error().detail));
    co_return true;
}

}  // namespace kv
