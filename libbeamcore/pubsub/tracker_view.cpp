// What a tracker shows: to those who ask, and to those who are told.
#include <algorithm>
#include <utility>

#include "libbeamcore/pubsub/internal/pending_diff.hpp"
#include "libbeamcore/pubsub/tracker_state.hpp"

namespace beam::tracker {

namespace {

std::shared_ptr<const topic_diff> shared(topic_diff&& d) {
    return std::make_shared<const topic_diff>(std::move(d));
}

}  // namespace

presence state::presence_of(roster::slot_id id) const {
    const origin& o = *origins_[roster_.origin_of(id)];
    const entry& e = roster_.at(id);
    return {{o.node, o.incarnation, e.counter},
            e.previous,
            e.hlc,
            e.topic,
            e.key,
            e.session,
            e.meta,
            e.process};
}

std::vector<presence> state::list(const term& topic) const {
    std::vector<presence> found;
    roster_.each_in(topic, [&](roster::slot_id id) {
        if (is_visible(id)) found.push_back(presence_of(id));
    });
    return found;
}

std::vector<presence> state::get(const term& topic, const term& key) const {
    std::vector<presence> found;
    roster_.each_of(topic, key, [&](roster::slot_id id) {
        if (is_visible(id)) found.push_back(presence_of(id));
    });
    std::sort(found.begin(), found.end(), [](const presence& a, const presence& b) {
        return std::tie(a.hlc, a.ref) < std::tie(b.hlc, b.ref);
    });
    return found;
}

std::vector<presence> state::held(atom node) const {
    std::vector<presence> found;
    auto o = by_node_.find(node);
    if (o == by_node_.end()) return found;
    roster_.each(o->second->list, [&](roster::slot_id id) { found.push_back(presence_of(id)); });
    return found;
}

std::vector<node_info> state::nodes(std::chrono::nanoseconds now) const {
    std::vector<node_info> all;
    for (const auto& o : origins_) {
        if (o->incarnation == 0) continue;
        node_info n;
        n.node = o->node;
        n.state = o->forgotten ? node_state::permdown
                  : o->visible ? node_state::up
                               : node_state::down;
        n.incarnation = o->incarnation;
        n.version = o->version;
        n.entries = roster_.size(o->list);
        n.digest = roster_.digest(o->list);
        n.missing = o->target > o->version ? o->target - o->version : 0;
        if (o.get() != &self())
            n.last_heard =
                std::chrono::duration_cast<std::chrono::milliseconds>(now - o->last_heard);
        all.push_back(n);
    }
    return all;
}

void state::subscribe(std::uint64_t subscriber, std::optional<term> topic, outputs& out) {
    std::unordered_map<term, topic_diff> found;
    auto add = [&](roster::slot_id id) {
        if (!is_visible(id)) return;
        presence p = presence_of(id);
        found[p.topic].joins.push_back(std::move(p));
    };
    if (topic)
        roster_.each_in(*topic, add);
    else
        for (const auto& o : origins_)
            if (o->visible) roster_.each(o->list, add);
    event all{subscriber, true, {}};
    for (auto& [name, d] : found) {
        d.topic = name;
        all.what.push_back(shared(std::move(d)));
    }
    out.events.push_back(std::move(all));
    subscriptions_.add(subscriber, std::move(topic));
}

void state::joined(roster::slot_id id, pending_diff& changes) const {
    const term& topic = roster_.at(id).topic;
    if (subscriptions_.wants(topic)) changes.topics[topic].joins.push_back(presence_of(id));
}

void state::left(roster::slot_id id, pending_diff& changes) const {
    const term& topic = roster_.at(id).topic;
    if (subscriptions_.wants(topic)) changes.topics[topic].leaves.push_back(presence_of(id));
}

void state::publish(pending_diff& changes, outputs& out) const {
    if (changes.topics.empty()) return;
    diff all;
    for (auto& [topic, d] : changes.topics) {
        d.topic = topic;
        all.push_back(shared(std::move(d)));
    }
    changes.topics.clear();
    for (auto subscriber : subscriptions_.of_all()) out.events.push_back({subscriber, false, all});
    for (const auto& d : all) {
        const auto* subscribers = subscriptions_.of(d->topic);
        if (!subscribers) continue;
        for (auto subscriber : *subscribers) out.events.push_back({subscriber, false, {d}});
    }
}

}  // namespace beam::tracker
