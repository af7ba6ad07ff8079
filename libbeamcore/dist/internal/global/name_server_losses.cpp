// The name server: losing nodes, and keeping a partition without holes.
#include <string_view>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/internal/global/locks.hpp"
#include "libbeamcore/dist/internal/global/name_server.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::dist::detail {

namespace {

// Losses are told again and again by all nodes, for a while; then they may be forgotten.
constexpr std::chrono::hours losses_kept{1};
constexpr std::size_t losses_max = 10'000;

// Which life of this node tells of a loss: one number for its creation and this start of `global`.
term number_of_this_life(self me) {
    const std::uint64_t random = (secure_random_64() >> 5) & ~std::uint64_t(0xFFFFFFFF);
    return std::int64_t(random + beam::detail::identity_of(me.node()).creation) -
           (std::int64_t(1) << 58);
}

void report_removal(std::string_view what, atom other) {
    log(log_level::warning, "global", what, {{"node", other.name()}});
}

}  // namespace

// Those that are being synchronised with are told, too.
void name_server::tell_partition(const term& what, atom but) {
    for (const auto& [name, version] : known_)
        if (name != but) tell_name_server(name, what);
    for (const auto& [name, version] : pending_)
        if (name != but && !known_.contains(name)) tell_name_server(name, what);
}

void name_server::lose(atom node, loss how) {
    const auto at = syncs_.find(node);
    cancel(node, at == syncs_.end() ? 0 : at->second.my_tag);
    reset(node);
    locker_order o;
    o.what = locker_order::kind::remove;
    o.node = node;
    send(locker_, std::move(o));

    const bool expected = removing_.erase(node) != 0;
    if (how == loss::removed) removing_.insert(node);
    // So that nobody goes on with a partition that has the other half of this one in it.
    if (how == loss::lost && !expected && keeps_whole_ && !table_.leaving.load()) {
        if (life_ == atoms::undefined) life_ = number_of_this_life(process());
        tell_partition(tuple(atom("lost_connection"), beam::node(), life_, ++last_operation_, node),
                       node);
    }
    pending_.erase(node);
    known_.erase(node);
    synced_.erase(node);
    no_longer_waited_for(node);
}

void name_server::on_lost_connection(const term& m) {
    const auto e = m.elements();
    const auto a = e[1].as_atom(), b = e[4].as_atom();
    if (!a || !b || !keeps_whole_) return;
    const auto now = monotonic_time();
    std::erase_if(losses_, [&](const auto& l) { return now - l.second.at > losses_kept; });
    if (losses_.size() >= losses_max) losses_.clear();  // a peer makes them up
    const auto [at, is_new] = losses_.try_emplace({*a, *b});
    if (!is_new && at->second.life == e[2] && compare(e[3], at->second.operation) <= 0) return;
    at->second = {e[2], e[3], now};
    tell_partition(m, *a);
    const atom other = *b == node() ? *a : *b;
    if (!may_know(other)) return;
    tell_name_server(other, tuple(atom("remove_connection"), node()));
    report_removal("a node is asked to disconnect, to prevent overlapping partitions", other);
    lose(other, loss::removed);
}

void name_server::on_remove_connection(const term& m) {
    const auto node = m.elements()[1].as_atom();
    if (!node || !may_know(*node)) return;
    disconnect_node(*node);
    lose(*node, loss::removed);
    report_removal("a node is disconnected, to prevent overlapping partitions", *node);
}

}  // namespace beam::dist::detail
