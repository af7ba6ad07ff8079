#include "tools/presence/app/watching.hpp"

#include <utility>

namespace presence {

namespace {

using beam::atom;
using beam::term;

term event(const char* what, const seen_session& s) {
    return beam::map_put(shown(s), atom("event"), what);
}

}  // namespace

std::vector<term> watching::take(const beam::tracker::news& n) {
    std::vector<term> events;
    if (n.whole) {
        whole(n, events);
    } else {
        for (const auto& d : n.topics) change(*d, events);
    }
    return events;
}

void watching::whole(const beam::tracker::news& n, std::vector<term>& events) {
    auto before = std::exchange(seen_, {});
    for (const auto& d : n.topics) {
        for (const beam::tracker::presence& entry : d->joins) {
            seen_session s = read(entry);
            const session_key key(s.user, s.id, s.node);
            const auto known = before.find(key);
            if (known == before.end())
                events.push_back(event(begun_ ? "join" : "here", s));
            else
                before.erase(known);
            seen_.insert_or_assign(key, std::move(s));
        }
    }
    for (const auto& [key, s] : before) events.push_back(event("leave", s));
    begun_ = true;
}

void watching::change(const beam::tracker::topic_diff& d, std::vector<term>& events) {
    std::map<session_key, seen_session> left;
    for (const beam::tracker::presence& entry : d.leaves) {
        seen_session s = read(entry);
        const session_key key(s.user, s.id, s.node);
        seen_.erase(key);
        left.insert_or_assign(key, std::move(s));
    }
    std::vector<term> joins;
    for (const beam::tracker::presence& entry : d.joins) {
        seen_session s = read(entry);
        const session_key key(s.user, s.id, s.node);
        joins.push_back(event(left.erase(key) > 0 ? "update" : "join", s));
        seen_.insert_or_assign(key, std::move(s));
    }
    for (const auto& [key, s] : left) events.push_back(event("leave", s));
    events.insert(events.end(), joins.begin(), joins.end());
}

}  // namespace presence
