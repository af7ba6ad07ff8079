// What must hold in a world of trackers: at each step, and at the end.
#include <algorithm>
#include <iterator>

#include "libbeamcore/term/syntax.hpp"
#include "tracker_world.hpp"

using namespace beam;
using namespace beam::tracker;

namespace test {

tracker_world::counters tracker_world::own_counters(const machine& m) const {
    counters all;
    for (const auto& p : m.state->held(m.name)) all.insert(p.ref.counter);
    return all;
}

// The history of a node's own entries, from what they were before and are now: an update is one version,
// else each removal is one, in the order of their age.
void tracker_world::record_history(machine& m, const counters& before) {
    const counters after = own_counters(m);
    std::vector<std::uint64_t> gone, added;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(gone));
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(added));
    auto& versions = history_[{m.name, m.incarnation}];
    auto next = [&](std::uint64_t removed, bool adds) {
        change c;
        c.version = versions.size() + 1;
        c.removed = removed;
        if (adds) c.added.emplace();
        versions.push_back(c);
    };
    if (added.size() > 1) fail(m, "one step added two");
    if (added.size() == 1) {
        if (gone.size() > 1) fail(m, "an update removed two");
        next(gone.empty() ? 0 : gone[0], true);
    } else {
        for (auto counter : gone) next(counter, false);
    }
    const auto info = m.state->nodes(now_).front();
    if (info.version != versions.size()) fail(m, "a version without a change");
}

void tracker_world::note_heard(machine& m, const message& what) {
    std::uint64_t incarnation = 0, version = 0;
    if (const auto* d = std::get_if<delta>(&what)) {
        incarnation = d->incarnation, version = d->to;
    } else if (const auto* f = std::get_if<full>(&what)) {
        incarnation = f->incarnation, version = f->at;
    } else if (const auto* h = std::get_if<heartbeat>(&what)) {
        incarnation = h->incarnation, version = h->version;
    } else if (const auto* b = std::get_if<bye>(&what)) {
        auto& left = m.left[b->node];
        left = std::max(left, b->incarnation);
        return;
    } else {
        return;
    }
    auto& [known, newest] = m.heard[sender_of(what)];
    if (incarnation < known) return;
    newest = incarnation > known ? version : std::max(newest, version);
    known = incarnation;
}

// What is held of an origin is one exact version of its history.
void tracker_world::check_held(machine& m, atom origin) {
    if (origin == m.name) return;
    for (const auto& info : m.state->nodes(now_)) {
        if (info.node != origin) continue;
        if (info.incarnation < m.heard[origin].first) fail(m, "an older incarnation came back");
        if (info.entries != m.state->held(origin).size()) fail(m, "counts that differ");
        counters expected;
        const auto& versions = history_[{origin, info.incarnation}];
        for (std::uint64_t v = 1; v <= info.version; ++v) {
            const change& c = versions.at(v - 1);
            expected.erase(c.removed);
            if (c.added) expected.insert(v);
        }
        counters held;
        for (const auto& p : m.state->held(origin))
            if (!held.insert(p.ref.counter).second) fail(m, "an entry twice");
        if (held != expected)
            fail(m, "what it holds of " + std::string(origin.name()) + " is not version " +
                        std::to_string(info.version));
    }
}

void tracker_world::check_event(machine& m, const event& e) {
    auto found = m.views.find(e.subscriber);
    if (found == m.views.end()) fail(m, "an event for nobody");
    view& v = found->second;
    if (e.whole == std::exchange(v.begun, true)) fail(m, "not first the state, then what changes");
    for (const auto& topic : e.what) {
        if (v.topic && !(topic->topic == *v.topic)) fail(m, "an event of another topic");
        for (const auto& p : topic->leaves)
            if (v.seen.erase(p.ref) == 0) fail(m, "a leave without a join: " + to_string(p.ref));
        for (const auto& p : topic->joins)
            if (!v.seen.insert(p.ref).second) fail(m, "joined twice: " + to_string(p.ref));
        for (const auto& p : topic->joins)
            for (const auto& q : topic->leaves)
                if (p.ref == q.ref && !may_differ_) fail(m, "a dot in joins and leaves");
    }
}

void tracker_world::check_reports(machine& m, const outputs& out) {
    for (const auto& r : out.reports) {
        if (r.what == report::kind::bad_message) fail(m, "a bad message: " + r.detail);
        if (r.what == report::kind::same_name) fail(m, "another node of this name");
        if (r.what == report::kind::digest_mismatch && !may_differ_)
            fail(m, "digests differ: " + r.detail);
        if (r.what == report::kind::permdown) m.heard[r.node].second = 0;
        if (r.what != report::kind::up) continue;
        for (const auto& info : m.state->nodes(now_)) {
            if (info.node != r.node || info.state != node_state::up) continue;
            const auto& [incarnation, version] = m.heard[r.node];
            if (info.incarnation == incarnation && info.version < version)
                fail(m, "shows an old list of " + std::string(r.node.name()));
            if (info.incarnation <= m.left[r.node])
                fail(m, "who has left came back: " + std::string(r.node.name()));
        }
    }
}

tracker_world::dots tracker_world::visible(const machine& m,
                                           const std::optional<term>& topic) const {
    dots all;
    for (const char* name : {"lobby", "kitchen", "cellar"}) {
        if (topic && !(*topic == term(name))) continue;
        for (const auto& p : m.state->list(term(name))) all.insert(p.ref);
    }
    return all;
}

void tracker_world::check_views(const machine& m) const {
    for (const auto& [id, v] : m.views)
        if (v.seen != visible(m, v.topic)) fail(m, "a subscriber sees something else");
}

void tracker_world::check_agreement() const {
    dots all;
    std::map<atom, node_info> own;
    for (const auto& m : machines_) {
        if (!m.alive) continue;
        own[m.name] = m.state->nodes(now_).front();
        for (const auto& p : m.state->held(m.name)) all.insert(p.ref);
    }
    for (const auto& m : machines_) {
        if (!m.alive) continue;
        check_views(m);
        for (const auto& info : m.state->nodes(now_)) {
            if (!own.contains(info.node)) {
                if (info.state == node_state::up) fail(m, "a dead node is up");
                continue;
            }
            const auto& there = own[info.node];
            if (info.state != node_state::up)
                fail(m, "a living node is not up: " + beam::to_string(beam::to_term(info)));
            if (info.version != there.version || info.digest != there.digest)
                fail(m, "not what " + std::string(info.node.name()) + " has");
        }
        if (m.state->nodes(now_).size() < own.size()) fail(m, "does not know everybody");
        if (visible(m, std::nullopt) != all) fail(m, "does not see what there is");
    }
}

}  // namespace test
