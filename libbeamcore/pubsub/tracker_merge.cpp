// Taking in what other nodes say of their own entries. The rules are in the README.
#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "libbeamcore/pubsub/internal/pending_diff.hpp"
#include "libbeamcore/pubsub/tracker_state.hpp"

namespace beam::tracker {

namespace {

// Every version of the interval once and in order, so that nothing is missing inside.
bool is_coherent(const delta& m) {
    if (m.from >= m.to || m.changes.size() != m.to - m.from) return false;
    std::uint64_t version = m.from;
    for (const auto& c : m.changes) {
        if (c.version != ++version || c.removed >= version) return false;
        if (c.added ? c.added->counter != version : c.removed == 0) return false;
    }
    return true;
}

bool is_coherent(const full& m) {
    constexpr std::uint32_t chunks_max = 1U << 16U;
    if (m.count == 0 || m.count > chunks_max || m.index >= m.count) return false;
    return std::all_of(m.entries.begin(), m.entries.end(),
                       [&](const entry& e) { return e.counter > 0 && e.counter <= m.at; });
}

std::string version_text(std::uint64_t version, std::uint64_t digest) {
    return "version " + std::to_string(version) + ", digest " + std::to_string(digest);
}

}  // namespace

void state::receive(const instant& at, message m, outputs& out) {
    if (stopped_) return;
    if (sender_of(m) == self().node) {
        const auto* beat = std::get_if<heartbeat>(&m);
        if (beat && beat->incarnation > self().incarnation)
            out.reports.push_back({report::kind::same_name, self().node, {}});
        return;
    }
    pending_diff changes;
    std::visit([&](auto& one) { take(at, std::move(one), changes, out); }, m);
    publish(changes, out);
}

// Of a message from the origin itself: whether it counts. If so, the origin was heard.
origin* state::admit(const instant& at, atom node, std::uint64_t incarnation, pending_diff& changes,
                     outputs& out) {
    origin& o = origin_of(node);
    if (incarnation <= o.left || (rules_.drop_older && incarnation < o.incarnation)) {
        ++counters_.stale;
        return nullptr;
    }
    const bool is_new = incarnation != o.incarnation;
    if (is_new) begin_incarnation(at, o, incarnation, changes);
    if (std::exchange(o.forgotten, false)) o.down_since = at.now;
    o.last_heard = at.now;
    o.hide_at.reset();
    // One that has just begun may have missed what it was sent when the nodes were connected.
    if (is_new || !o.connected) connect(at, o, out);
    return &o;
}

void state::begin_incarnation(const instant& at, origin& o, std::uint64_t incarnation,
                              pending_diff& changes) {
    if (rules_.replace_incarnation) {
        if (o.visible) roster_.each(o.list, [&](roster::slot_id id) { left(id, changes); });
        roster_.clear(o.list);
        o.visible = false;
    }
    o.down_since = at.now;
    o.incarnation = incarnation;
    o.version = o.target = o.seen = 0;
    o.repair = o.clock_reported = false;
    o.arriving.reset();
    o.asked_at.reset();
}

void state::take(const instant& at, delta m, pending_diff& changes, outputs& out) {
    origin* o = admit(at, m.node, m.incarnation, changes, out);
    if (!o) return;
    if (!is_coherent(m)) return refuse(*o, "a delta that is not one", out);
    o->target = std::max(o->target, m.to);
    if (rules_.drop_seen && m.to <= o->version) {
        ++counters_.deltas_seen;
    } else if (o->repair || (rules_.drop_over_gap && m.from > o->version)) {
        // While all entries are awaited the version stays, so that they are not older than what is here.
        ++counters_.deltas_over_gap;
        ask(at, *o, out);
    } else {
        apply(at, *o, m, changes, out);
    }
    settle(at, *o, changes, out);
}

void state::apply(const instant& at, origin& o, const delta& m, pending_diff& changes,
                  outputs& out) {
    const std::uint64_t have = rules_.drop_seen ? o.version : 0;
    // What comes and goes within the delta was never here: neither a join nor a leave.
    std::unordered_set<std::uint64_t> passing;
    for (const auto& c : m.changes)
        if (c.removed > std::max(have, m.from)) passing.insert(c.removed);
    for (const auto& c : m.changes) {
        if (c.version <= have) continue;
        if (const auto id = roster_.find(o.list, c.removed); c.removed > 0 && id != roster::none)
            unmerge(o, id, changes);
        if (c.added && !passing.contains(c.version)) merge_entry(at, o, *c.added, changes, out);
    }
    o.version = m.to;
    if (o.asked_at) o.asked_at = at.now;  // it is coming
    if (o.arriving && o.arriving->at() <= o.version && !o.repair) o.arriving.reset();
    ++counters_.merges;
}

void state::take(const instant& at, full m, pending_diff& changes, outputs& out) {
    origin* o = admit(at, m.node, m.incarnation, changes, out);
    if (!o) return;
    if (!is_coherent(m)) return refuse(*o, "a part of all entries that is not one", out);
    o->target = std::max(o->target, m.at);
    if (m.at > o->version || (o->repair && m.at == o->version)) {
        o->asked_at = at.now;
        send({o->node}, got{self().node, m.incarnation, m.at, m.index}, out);
        if (!rules_.whole_full) {
            m.index = 0;
            m.count = 1;
        }
        if (!o->arriving) o->arriving.emplace();
        if (o->arriving->take(std::move(m))) apply(at, *o, *o->arriving, changes, out);
    }
    settle(at, *o, changes, out);
}

void state::apply(const instant& at, origin& o, assembly& whole, pending_diff& changes,
                  outputs& out) {
    // What is in both stays as it is: it did not leave.
    std::unordered_map<std::uint64_t, const entry*> there;
    whole.each([&](const entry& e) { there.try_emplace(e.counter, &e); });
    std::vector<roster::slot_id> gone;
    roster_.each(o.list, [&](roster::slot_id id) {
        auto found = there.find(roster_.at(id).counter);
        const bool stays = found != there.end() &&
                           (!o.repair || entry_hash(*found->second) == entry_hash(roster_.at(id)));
        if (!stays) gone.push_back(id);
    });
    for (auto id : gone) unmerge(o, id, changes);
    whole.each([&](const entry& e) {
        if (roster_.find(o.list, e.counter) == roster::none) merge_entry(at, o, e, changes, out);
    });
    o.version = whole.at();
    o.repair = false;
    o.arriving.reset();
    o.asked_at.reset();
    ++counters_.merges;
    ++counters_.fulls_taken;
    if (o.version < o.target) ask(at, o, out);
}

void state::take(const instant& at, const heartbeat& m, pending_diff& changes, outputs& out) {
    origin* o = admit(at, m.node, m.incarnation, changes, out);
    if (!o) {
        // If it lives, its incarnation is too low: what it is asked about tells it so.
        ask(at, origin_of(m.node), out);
        return;
    }
    o->target = std::max(o->target, m.version);
    if (m.version > o->version) {
        ask(at, *o, out);
    } else if (m.version == o->version && m.digest != roster_.digest(o->list)) {
        ++counters_.digest_mismatches;
        out.reports.push_back({report::kind::digest_mismatch, o->node,
                               "there: " + version_text(m.version, m.digest) +
                                   "; here: " + version_text(o->version, roster_.digest(o->list))});
        o->repair = true;
        ask(at, *o, out);
    }
    if (m.answer && o->version >= m.version)
        send({o->node}, seen{self().node, o->incarnation, o->version}, out);
    settle(at, *o, changes, out);
}

void state::take(const instant&, const bye& m, pending_diff& changes, outputs& out) {
    origin& o = origin_of(m.node);
    if (m.incarnation <= o.left || m.incarnation < o.incarnation) {
        ++counters_.stale;
        return;
    }
    if (rules_.remember_bye) o.left = m.incarnation;
    forget(o, changes, out);
    o.incarnation = m.incarnation;
    o.connected = false;
    o.leaving.reset();
}

void state::take(const instant& at, const sync& m, pending_diff& changes, outputs& out) {
    if (m.incarnation > self().incarnation) {
        // By chance, so that it is none of its earlier lives.
        constexpr std::uint64_t spread = 4096;
        return be_reborn(at, m.incarnation + 1 + random_.below(spread), changes, out);
    }
    const std::uint64_t version = m.incarnation == self().incarnation ? m.version : 0;
    flush(out);
    if (m.whole || !ring_.reaches(version)) {
        origin& asker = origin_of(m.node);
        begin_full(asker, version);
        send_chunks(at, asker, out);
    } else if (version < self().version) {
        send_changes({m.node}, version, out);
        if (seen_wanted_ > version) send({m.node}, own_heartbeat(true), out);
    } else {
        // It asked before it had all, and may be waiting to show this node.
        send({m.node}, own_heartbeat(), out);
    }
}

void state::take(const instant& at, const got& m, pending_diff&, outputs& out) {
    origin* o = find_origin(m.node);
    if (!o || !o->leaving || m.incarnation != self().incarnation) return;
    sending& s = *o->leaving;
    if (m.at != s.what->at || m.index >= s.next) return;
    s.confirmed = std::max<std::size_t>(s.confirmed, m.index + 1);
    send_chunks(at, *o, out);
}

void state::take(const instant&, const seen& m, pending_diff&, outputs&) {
    origin* o = find_origin(m.node);
    if (o && m.incarnation == self().incarnation) o->seen = std::max(o->seen, m.version);
}

void state::merge_entry(const instant& at, origin& o, const entry& e, pending_diff& changes,
                        outputs& out) {
    if (!clock_.observe(e.hlc, at.wall_ms, config_.clock_ahead_max)) {
        ++counters_.clocks_ahead;
        if (!std::exchange(o.clock_reported, true)) {
            const auto ahead = hybrid_clock::milliseconds_of(e.hlc) - at.wall_ms;
            out.reports.push_back(
                {report::kind::clock_ahead, o.node, std::to_string(ahead) + " ms"});
        }
    }
    const auto id = roster_.add(o.list, e);
    if (o.visible) joined(id, changes);
}

void state::unmerge(origin& o, roster::slot_id id, pending_diff& changes) {
    if (o.visible) left(id, changes);
    roster_.remove(id);
}

// After every message that was heard: shows the origin when nothing is missing any more.
void state::settle(const instant& at, origin& o, pending_diff& changes, outputs& out) {
    if (o.visible) return;
    if (o.version >= o.target || !rules_.wait_for_missed) show(at, o, changes, out);
}

void state::ask(const instant& at, origin& o, outputs& out) {
    // An answer may be on its way: not for each of the messages that come meanwhile.
    if (o.asked_at && at.now - *o.asked_at < config_.heartbeat / 2) return;
    o.asked_at = at.now;
    ++counters_.syncs_asked;
    send({o.node}, sync{self().node, o.incarnation, o.version, o.repair}, out);
}

void state::refuse(const origin& o, std::string why, outputs& out) {
    ++counters_.bad_messages;
    out.reports.push_back({report::kind::bad_message, o.node, std::move(why)});
}

}  // namespace beam::tracker
