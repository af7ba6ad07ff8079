// A node's own entries: the only ones that it changes, and the history that it gives to others.
#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "libbeamcore/pubsub/internal/pending_diff.hpp"
#include "libbeamcore/pubsub/tracker_state.hpp"

namespace beam::tracker {

namespace {

std::string size_text(std::string_view what, std::size_t size, std::size_t most) {
    return std::string(what) + " has " + std::to_string(size) + " bytes, at most " +
           std::to_string(most) + " are allowed";
}

const config& checked(const config& c) {
    if (auto r = check(c); !r)
        throw std::invalid_argument(r.error().code + ": " + r.error().detail);
    return c;
}

}  // namespace

state::state(const config& c, atom node, std::uint64_t incarnation, std::uint64_t seed,
             const rules& r)
    : config_(checked(c)), rules_(r), random_(seed), ring_(c.changes_kept) {
    origin& own = origin_of(node);
    own.incarnation = incarnation;
    own.visible = true;
    own.forgotten = false;
}

result<void> state::check_entry(const term& topic, const term& key, const term& session,
                                const term& meta) const {
    const std::pair<const char*, const term*> texts[] = {
        {"topic", &topic}, {"key", &key}, {"session", &session}};
    for (const auto& [name, text] : texts) {
        if (!text->is_binary()) return fail("not_text", name);
        if (text->bytes().size() > config_.text_bytes_max)
            return fail("too_long", size_text(name, text->bytes().size(), config_.text_bytes_max));
    }
    if (const auto size = encoded_bytes(meta); size > config_.meta_bytes_max)
        return fail("too_long", size_text("meta", size, config_.meta_bytes_max));
    return {};
}

roster::slot_id state::find_own(pid process, const term& topic, const term& key) const {
    roster::slot_id found = roster::none;
    roster_.each_of(topic, key, [&](roster::slot_id id) {
        if (roster_.origin_of(id) == self().list && roster_.at(id).process == process) found = id;
    });
    return found;
}

result<dot> state::track(const instant& at, pid process, const term& topic, const term& key,
                         const term& session, const term& meta, outputs& out) {
    if (auto r = check_entry(topic, key, session, meta); !r) return pass(r);
    if (find_own(process, topic, key) != roster::none) return fail("already_tracked");
    std::size_t sessions = 0;
    roster_.each_of(topic, key, [&](roster::slot_id id) { sessions += is_visible(id) ? 1 : 0; });
    if (sessions >= config_.sessions_max)
        return fail("too_many_sessions", "the key has " + std::to_string(sessions) + " already");
    if (roster_.size(self().list) >= config_.entries_max)
        return fail("too_many_entries",
                    "this node has " + std::to_string(config_.entries_max) + " already");
    pending_diff changes;
    entry e;
    e.topic = topic;
    e.key = key;
    e.session = session;
    e.meta = meta;
    e.process = process;
    const dot made = add_own(at, std::move(e), 0, changes, out);
    publish(changes, out);
    return made;
}

result<dot> state::update(const instant& at, pid process, const term& topic, const term& key,
                          const term& meta, outputs& out) {
    const auto id = find_own(process, topic, key);
    if (id == roster::none) return fail("nopresence");
    entry e = roster_.at(id);
    if (auto r = check_entry(e.topic, e.key, e.session, meta); !r) return pass(r);
    pending_diff changes;
    e.meta = meta;
    e.previous = e.counter;
    drop_own(id, changes);
    const std::uint64_t replaced = e.previous;
    const dot made = add_own(at, std::move(e), replaced, changes, out);
    publish(changes, out);
    return made;
}

bool state::untrack(const instant& at, pid process, const term& topic, const term& key,
                    outputs& out) {
    const auto id = find_own(process, topic, key);
    if (id == roster::none) return false;
    pending_diff changes;
    remove_own(at, id, changes, out);
    publish(changes, out);
    return true;
}

std::size_t state::untrack_all(const instant& at, pid process, outputs& out) {
    pending_diff changes;
    std::size_t count = 0;
    for (auto found = by_process_.lower_bound({process, 0});
         found != by_process_.end() && found->first == process;
         found = by_process_.lower_bound({process, 0})) {
        remove_own(at, roster_.find(self().list, found->second), changes, out);
        ++count;
    }
    publish(changes, out);
    return count;
}

bool state::has_any(pid process) const {
    auto found = by_process_.lower_bound({process, 0});
    return found != by_process_.end() && found->first == process;
}

std::size_t state::kick_key(const instant& at, const term& topic, const term& key, outputs& out) {
    std::unordered_map<std::uint32_t, std::vector<std::uint64_t>> seen;
    std::size_t count = 0;
    roster_.each_of(topic, key, [&](roster::slot_id id) {
        if (!is_visible(id)) return;
        seen[roster_.origin_of(id)].push_back(roster_.at(id).counter);
        ++count;
    });
    for (auto& [list, counters] : seen) {
        const origin& o = *origins_[list];
        std::sort(counters.begin(), counters.end());
        removal m{self().node, o.incarnation, std::move(counters)};
        if (&o == &self()) {
            pending_diff changes;
            take(at, m, changes, out);
            publish(changes, out);
        } else {
            send({o.node}, std::move(m), out);
        }
    }
    return count;
}

void state::take(const instant& at, const removal& m, pending_diff& changes, outputs& out) {
    if (m.incarnation != self().incarnation) return;
    for (auto counter : m.counters) {
        const auto id = roster_.find(self().list, counter);
        if (id == roster::none) continue;
        const entry& e = roster_.at(id);
        out.kicked.push_back({e.process, e.topic, e.key});
        remove_own(at, id, changes, out);
    }
}

void state::stop(const instant&, outputs& out) {
    if (stopped_) return;
    flush(out);
    send(connected(), bye{self().node, self().incarnation}, out);
    stopped_ = true;
}

// An incarnation begins with all that is here: the others take it in as they would a restarted node's.
void state::be_reborn(const instant& at, std::uint64_t incarnation, pending_diff& changes,
                      outputs& out) {
    origin& own = self();
    roster_.each(own.list, [&](roster::slot_id id) { left(id, changes); });
    own.incarnation = incarnation;
    roster_.each(own.list, [&](roster::slot_id id) { joined(id, changes); });
    for (const auto& o : origins_) {
        o->leaving.reset();
        o->seen = 0;
    }
    beat(at, out);
    out.reports.push_back({report::kind::reborn, own.node, std::to_string(incarnation)});
}

dot state::add_own(const instant& at, entry e, std::uint64_t removed, pending_diff& changes,
                   outputs& out) {
    origin& own = self();
    e.counter = ++own.version;
    e.hlc = clock_.tick(at.wall_ms);
    by_process_.emplace(e.process, e.counter);
    const auto id = roster_.add(own.list, std::move(e));
    joined(id, changes);
    record(at, {own.version, removed, roster_.at(id)}, out);
    return {own.node, own.incarnation, own.version};
}

void state::drop_own(roster::slot_id id, pending_diff& changes) {
    const entry& e = roster_.at(id);
    left(id, changes);
    by_process_.erase({e.process, e.counter});
    roster_.remove(id);
}

void state::remove_own(const instant& at, roster::slot_id id, pending_diff& changes, outputs& out) {
    const std::uint64_t counter = roster_.at(id).counter;
    drop_own(id, changes);
    record(at, {++self().version, counter, std::nullopt}, out);
}

void state::record(const instant& at, change c, outputs& out) {
    ring_.add(std::move(c));
    unsent_bytes_ += ring_.newest_bytes();
    if (!flush_at_) flush_at_ = at.now + config_.gather;
    // At the latest when a message is full, and before the ring drops what was not sent.
    const bool ring_is_half_new = (self().version - sent_) * 2 >= config_.changes_kept;
    if (unsent_bytes_ >= config_.message_bytes || ring_is_half_new) flush(out);
}

}  // namespace beam::tracker
