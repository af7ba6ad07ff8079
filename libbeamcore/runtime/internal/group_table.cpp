#include "libbeamcore/runtime/internal/group_table.hpp"

#include <algorithm>
#include <type_traits>

#include "libbeamcore/runtime/runtime.hpp"

namespace beam::detail {

namespace {

bool comes_before(const term& a, const term& b) {
    return compare_exact(a, b) < 0;
}

}  // namespace

template <class Message>
void group_table::tell(const scope_groups& s, const term& group, const std::vector<pid>& pids) {
    for (const watcher& w : s.watchers)
        if (!w.group || *w.group == group) node_.send(w.process, Message{w.monitor, group, pids});
}

std::vector<pid> group_table::take_out(scope_groups& s, const term& group,
                                       std::span<const pid> members) {
    std::vector<pid> gone;
    const auto at = s.groups.find(group);
    if (at == s.groups.end()) return gone;
    for (const pid& p : members) {
        const auto found = std::find(at->second.begin(), at->second.end(), p);
        if (found == at->second.end()) continue;
        at->second.erase(found);
        gone.push_back(p);
    }
    if (at->second.empty()) s.groups.erase(at);
    return gone;
}

void group_table::join(atom scope, const term& group, std::span<const pid> members) {
    if (members.empty()) return;
    std::unique_lock lock(mutex_);
    scope_groups& s = scopes_[scope];
    auto& in_it = s.groups[group];
    in_it.insert(in_it.end(), members.begin(), members.end());
    for (const pid& p : members) s.joined[p].push_back(group);
    const std::vector<pid> pids(members.begin(), members.end());
    tell<pg::joined_message>(s, group, pids);
    if (s.sharer) node_.send(s.sharer, group_change{true, pids, {group}});
}

bool group_table::leave(atom scope, const term& group, std::span<const pid> members) {
    std::unique_lock lock(mutex_);
    const auto found = scopes_.find(scope);
    if (found == scopes_.end()) return false;
    scope_groups& s = found->second;
    const std::vector<pid> gone = take_out(s, group, members);
    if (gone.empty()) return false;
    for (const pid& p : gone) {
        const auto of = s.joined.find(p);
        of->second.erase(std::find(of->second.begin(), of->second.end(), group));
        if (of->second.empty()) s.joined.erase(of);
    }
    tell<pg::left_message>(s, group, gone);
    if (s.sharer) node_.send(s.sharer, group_change{false, gone, {group}});
    return true;
}

void group_table::forget_in(scope_groups& s, pid process) {
    std::erase_if(s.watchers, [&](const watcher& w) { return w.process == process; });
    const auto of = s.joined.find(process);
    if (of == s.joined.end()) return;
    std::vector<term> groups = std::move(of->second);
    s.joined.erase(of);
    for (const term& group : groups)
        tell<pg::left_message>(s, group, take_out(s, group, {&process, 1}));
    if (s.sharer) node_.send(s.sharer, group_change{false, {process}, std::move(groups)});
}

void group_table::forget(pid process) {
    std::unique_lock lock(mutex_);
    for (auto& [name, s] : scopes_) forget_in(s, process);
}

std::vector<pid> group_table::members(atom scope, const term& group, bool local_only) const {
    std::vector<pid> found;
    std::shared_lock lock(mutex_);
    const auto s = scopes_.find(scope);
    if (s == scopes_.end()) return found;
    const auto at = s->second.groups.find(group);
    if (at == s->second.groups.end()) return found;
    if (!local_only) return at->second;
    for (const pid& p : at->second)
        if (p.is_local()) found.push_back(p);
    return found;
}

std::vector<term> group_table::groups(atom scope) const {
    std::vector<term> all;
    {
        std::shared_lock lock(mutex_);
        if (const auto s = scopes_.find(scope); s != scopes_.end())
            for (const auto& [group, members] : s->second.groups) all.push_back(group);
    }
    std::sort(all.begin(), all.end(), comes_before);
    return all;
}

pg::watched_group group_table::watch(atom scope, const term& group, const ref& monitor,
                                     pid watcher) {
    std::unique_lock lock(mutex_);
    scope_groups& s = scopes_[scope];
    s.watchers.push_back({monitor, watcher, group});
    const auto at = s.groups.find(group);
    return {monitor, at == s.groups.end() ? std::vector<pid>() : at->second};
}

pg::watched_scope group_table::watch(atom scope, const ref& monitor, pid watcher) {
    std::unique_lock lock(mutex_);
    scope_groups& s = scopes_[scope];
    s.watchers.push_back({monitor, watcher, {}});
    pg::watched_scope seen{monitor, decltype(seen.groups)(comes_before)};
    for (const auto& [group, members] : s.groups) seen.groups.emplace(group, members);
    return seen;
}

bool group_table::unwatch(atom scope, const ref& monitor, pid watcher) {
    std::unique_lock lock(mutex_);
    const auto s = scopes_.find(scope);
    if (s == scopes_.end()) return false;
    const auto is_it = [&](const auto& w) { return w.monitor == monitor && w.process == watcher; };
    return std::erase_if(s->second.watchers, is_it) != 0;
}

members_by_group group_table::share(atom scope, pid sharer) {
    std::unique_lock lock(mutex_);
    scope_groups& s = scopes_[scope];
    s.sharer = sharer;
    members_by_group there_are;
    for (const auto& [group, members] : s.groups) there_are.emplace_back(group, members);
    return there_are;
}

void group_table::unshare(atom scope, pid sharer) {
    std::unique_lock lock(mutex_);
    const auto found = scopes_.find(scope);
    if (found == scopes_.end() || found->second.sharer != sharer) return;
    scope_groups& s = found->second;
    s.sharer = {};
    members_by_group remote;
    for (const auto& [group, members] : s.groups) {
        std::vector<pid> theirs;
        for (const pid& p : members)
            if (!p.is_local()) theirs.push_back(p);
        if (!theirs.empty()) remote.emplace_back(group, std::move(theirs));
    }
    for (const auto& [group, theirs] : remote)
        tell<pg::left_message>(s, group, take_out(s, group, theirs));
}

void group_table::remote_joined(atom scope, const term& group, const std::vector<pid>& members) {
    if (members.empty()) return;
    std::unique_lock lock(mutex_);
    scope_groups& s = scopes_[scope];
    auto& in_it = s.groups[group];
    in_it.insert(in_it.end(), members.begin(), members.end());
    tell<pg::joined_message>(s, group, members);
}

void group_table::remote_left(atom scope, const term& group, const std::vector<pid>& members) {
    std::unique_lock lock(mutex_);
    scope_groups& s = scopes_[scope];
    const std::vector<pid> gone = take_out(s, group, members);
    if (!gone.empty()) tell<pg::left_message>(s, group, gone);
}

}  // namespace beam::detail
