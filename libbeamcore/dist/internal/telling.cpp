#include "libbeamcore/dist/internal/telling.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/term/atoms.hpp"

namespace beam::dist::detail {

namespace arrival = beam::detail::arrival;

telling::telling(node_news what, lost_ties&& lost, term reason)
    : what_(what), lost_(std::move(lost)), reason_(std::move(reason)) {}

std::size_t telling::size() const {
    return lost_.of.links.size() + lost_.of.monitors.size() + lost_.of.watchers.size();
}

template <class F>
void telling::visit(F each) {
    lost_.of.links.for_each([&](const link_key& k, std::uint64_t) {
        each(tie{k.here, &k, nullptr, false});
    });
    lost_.of.monitors.for_each([&](const ref& monitor, const pid& who) {
        each(tie{who, nullptr, &monitor, true});
    });
    lost_.of.watchers.for_each([&](const ref& monitor, const pid& whom) {
        each(tie{whom, nullptr, &monitor, false});
    });
}

// To each process at once all that concerns it, in the order of the processes (about: by the lower bits of their numbers):
// it is woken once, and its memory is fetched before. 100 000 links and monitors of 50 000 processes are told in half the
// time so, the 1 ms for the order included.
void telling::put_in_order() {
    const std::size_t groups = std::bit_ceil(size() + 1);
    std::vector<std::size_t> places(groups + 1);
    visit([&](const tie& t) { ++places[(t.to.id & (groups - 1)) + 1]; });
    std::partial_sum(places.begin(), places.end(), places.begin());
    order_.resize(size());
    visit([&](const tie& t) { order_[places[t.to.id & (groups - 1)]++] = t; });
}

bool telling::tell(runtime& node, atom peer, std::size_t count) {
    constexpr std::size_t ahead = 16;
    if (!std::exchange(has_begun_, true)) {
        put_in_order();
        for (const pid& p : lost_.suspended) beam::detail::resume_caller(node, p);
        if (order_.size() > count) return true;  // that was a turn's work
    }
    const std::size_t end = std::min(order_.size(), next_ + count);
    for (; next_ < end; ++next_) {
        if (next_ + ahead < order_.size()) arrival::soon(node, order_[next_ + ahead].to);
        tell_one(node, peer, order_[next_]);
    }
    if (next_ < order_.size()) return true;
    if (what_ == node_news::down)
        arrival::node_down(node, peer, reason_);
    else if (what_ == node_news::unreachable)
        arrival::node_unreachable(node, peer);
    else
        arrival::node_up(node, peer, what_ == node_news::hidden_up);
    return false;
}

void telling::tell_one(runtime& node, atom peer, const tie& t) const {
    if (t.link)
        arrival::link_exit(node, t.link->there, t.to, atoms::noconnection);
    else if (t.ours)
        arrival::down(node, t.to, *t.monitor, atoms::noconnection, peer);
    else
        arrival::demonitor(node, t.to, *t.monitor);
}

}  // namespace beam::dist::detail
