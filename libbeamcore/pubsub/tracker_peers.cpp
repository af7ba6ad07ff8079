// Who is there, and what is sent to them.
#include <algorithm>
#include <utility>

#include "libbeamcore/pubsub/internal/pending_diff.hpp"
#include "libbeamcore/pubsub/tracker_state.hpp"

namespace beam::tracker {

origin* state::find_origin(atom node) {
    auto found = by_node_.find(node);
    return found == by_node_.end() ? nullptr : found->second;
}

origin& state::origin_of(atom node) {
    if (origin* known = find_origin(node)) return *known;
    auto made = std::make_unique<origin>();
    made->node = node;
    made->list = roster_.add_origin();
    by_node_.emplace(node, made.get());
    origins_.push_back(std::move(made));
    return *origins_.back();
}

void state::node_up(const instant& at, atom node, outputs& out) {
    if (stopped_ || node == self().node) return;
    origin& o = origin_of(node);
    o.hide_at.reset();
    connect(at, o, out);
}

void state::node_down(const instant& at, atom node) {
    origin* o = find_origin(node);
    if (!o || o == &self()) return;
    o->connected = false;
    o->leaving.reset();
    if (o->visible && !o->hide_at) o->hide_at = at.now + config_.flap_grace;
}

// Messages go to it from now on, first what it needs to know us.
void state::connect(const instant&, origin& o, outputs& out) {
    o.connected = true;
    flush(out);
    send({o.node}, own_heartbeat(), out);
}

void state::show(const instant&, origin& o, pending_diff& changes, outputs& out) {
    o.visible = true;
    roster_.each(o.list, [&](roster::slot_id id) { joined(id, changes); });
    out.reports.push_back({report::kind::up, o.node, {}});
}

void state::hide(const instant& at, origin& o, pending_diff& changes, outputs& out) {
    roster_.each(o.list, [&](roster::slot_id id) { left(id, changes); });
    o.visible = false;
    o.hide_at.reset();
    o.down_since = at.now;
    out.reports.push_back({report::kind::down, o.node, {}});
}

void state::forget(origin& o, pending_diff& changes, outputs& out) {
    if (o.visible) roster_.each(o.list, [&](roster::slot_id id) { left(id, changes); });
    roster_.clear(o.list);
    o.visible = false;
    o.hide_at.reset();
    o.asked_at.reset();
    o.arriving.reset();
    o.repair = false;
    o.version = o.target = o.seen = 0;
    if (!std::exchange(o.forgotten, true))
        out.reports.push_back({report::kind::permdown, o.node, {}});
}

void state::tick(const instant& at, outputs& out) {
    if (stopped_) return;
    pending_diff changes;
    if (flush_at_ && *flush_at_ <= at.now) flush(out);
    if (beat_at_ <= at.now) beat(at, out);
    for (std::size_t i = 1; i < origins_.size(); ++i) {
        origin& o = *origins_[i];
        const bool lost = o.hide_at && *o.hide_at <= at.now;
        if (o.visible && (lost || at.now - o.last_heard >= config_.down_after))
            hide(at, o, changes, out);
        const auto last = std::max(o.last_heard, o.down_since);
        if (!o.visible && !o.forgotten && at.now - last >= config_.permdown_after)
            forget(o, changes, out);
        if (o.leaving && o.leaving->give_up_at <= at.now) o.leaving.reset();
    }
    publish(changes, out);
}

std::chrono::nanoseconds state::next_wake() const {
    if (stopped_) return std::chrono::nanoseconds::max();
    auto next = beat_at_;
    if (flush_at_) next = std::min(next, *flush_at_);
    for (std::size_t i = 1; i < origins_.size(); ++i) {
        const origin& o = *origins_[i];
        if (o.hide_at) next = std::min(next, *o.hide_at);
        if (o.leaving) next = std::min(next, o.leaving->give_up_at);
        if (o.visible)
            next = std::min(next, o.last_heard + config_.down_after);
        else if (!o.forgotten)
            next = std::min(next, std::max(o.last_heard, o.down_since) + config_.permdown_after);
    }
    return next;
}

void state::beat(const instant& at, outputs& out) {
    constexpr double jitter = 0.25;
    const auto period = std::chrono::nanoseconds(config_.heartbeat);
    beat_at_ = at.now + std::chrono::nanoseconds(
                            std::int64_t(double(period.count()) * (1 - jitter * random_.real())));
    flush(out);  // the version that it names is on its way before it
    send(connected(), own_heartbeat(), out);
    const bool sends = std::any_of(origins_.begin(), origins_.end(),
                                   [](const auto& o) { return o->leaving.has_value(); });
    if (!sends && at.now - snapshot_used_ > config_.down_after) snapshot_.reset();
}

heartbeat state::own_heartbeat(bool answer) const {
    const origin& own = self();
    return {own.node, own.incarnation, own.version, roster_.digest(own.list), answer};
}

std::uint64_t state::want_seen(outputs& out) {
    flush(out);
    seen_wanted_ = self().version;
    if (!seen_by_all(seen_wanted_)) send(connected(), own_heartbeat(true), out);
    return seen_wanted_;
}

bool state::seen_by_all(std::uint64_t version) const {
    return std::all_of(origins_.begin() + 1, origins_.end(), [version](const auto& o) {
        return !o->visible || !o->connected || o->seen >= version;
    });
}

std::vector<atom> state::connected() const {
    std::vector<atom> all;
    for (const auto& o : origins_)
        if (o->connected) all.push_back(o->node);
    return all;
}

void state::send(std::vector<atom> to, message m, outputs& out) {
    if (!to.empty() && !stopped_) out.messages.push_back({std::move(to), std::move(m)});
}

void state::flush(outputs& out) {
    flush_at_.reset();
    unsent_bytes_ = 0;
    const std::uint64_t from = std::exchange(sent_, self().version);
    if (from == self().version) return;
    if (auto to = connected(); !to.empty()) send_changes(to, from, out);
}

void state::send_changes(const std::vector<atom>& to, std::uint64_t from, outputs& out) {
    const origin& own = self();
    while (from < own.version) {
        delta m{own.node, own.incarnation, from, from, {}};
        m.to = ring_.copy(from, own.version, config_.message_bytes, m.changes);
        from = m.to;
        send(to, std::move(m), out);
    }
}

void state::begin_full(origin& o, std::uint64_t version) {
    if (o.leaving && o.leaving->what->at >= version) return;  // the rest is coming
    const origin& own = self();
    if (!snapshot_ || snapshot_->at < version || !ring_.reaches(snapshot_->at)) {
        auto made = std::make_shared<snapshot>();
        made->at = own.version;
        made->entries.reserve(roster_.size(own.list));
        roster_.each(own.list,
                     [&](roster::slot_id id) { made->entries.push_back(roster_.at(id)); });
        made->cut(config_.message_bytes);
        snapshot_ = std::move(made);
    }
    o.leaving = sending{snapshot_};
}

// A few at a time, and more as they are confirmed: heartbeats and changes go in between, and a slow connection
// does not hold up this process.
void state::send_chunks(const instant& at, origin& o, outputs& out) {
    if (!o.leaving) return;
    sending& s = *o.leaving;
    snapshot_used_ = at.now;
    while (s.next < s.what->ends.size() && s.next - s.confirmed < config_.chunks_in_flight) {
        s.give_up_at = at.now + config_.heartbeat;
        send({o.node}, s.what->chunk(self().node, self().incarnation, s.next++), out);
    }
    if (s.next < s.what->ends.size()) return;
    o.leaving.reset();
    ++counters_.fulls_sent;
}

}  // namespace beam::tracker
