#include "libbeamcore/otp/internal/pg_server.hpp"

#include <algorithm>

#include "libbeamcore/otp/pg.hpp"
#include "libbeamcore/otp/start.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam::detail {

namespace {

// A pid, or a list of some; what else is in it is passed over.
std::vector<pid> pids_of(const term& who) {
    std::vector<pid> pids;
    if (const auto one = who.as_pid()) pids.push_back(*one);
    for (const term& t : who.list_elements())
        if (const auto p = t.as_pid()) pids.push_back(*p);
    return pids;
}

// As OTP writes it: one alone, several as a list.
term term_of(const std::vector<pid>& pids) {
    if (pids.size() == 1) return pids.front();
    return list_of(std::vector<term>(pids.begin(), pids.end()));
}

// Takes each out once for each time it is named, and gives those that were not in it.
std::vector<pid> subtract(std::vector<pid>& from, const std::vector<pid>& pids) {
    std::vector<pid> missing;
    for (const pid& p : pids) {
        const auto at = std::find(from.begin(), from.end(), p);
        if (at == from.end())
            missing.push_back(p);
        else
            from.erase(at);
    }
    return missing;
}

void drop(std::unordered_map<term, std::vector<pid>>& groups, const term& group,
          const std::vector<pid>& pids) {
    const auto at = groups.find(group);
    if (at == groups.end()) return;
    (void)subtract(at->second, pids);
    if (at->second.empty()) groups.erase(at);
}

// Signals connect, these must not: who is not connected has no members here, and comes by himself when he is again.
bool can_be_met(const pid& peer) {
    return !peer.is_local() && is_connected(node(peer));
}
void send_to(const server_ref& peer, const term& what) {
    send_if_connected(peer, what);
}

}  // namespace

pg_server::pg_server(atom scope) : scope_(scope), self_(id()), node_(process().node()) {
    monitor_nodes();
    for (auto& [group, pids] : share_groups(scope_)) local_[group] = std::move(pids);
    for (const atom node : nodes())
        send_to(server_ref(scope_, node), tuple(atom("discover"), self_));
}

void pg_server::broadcast(const term& what) {
    for (const auto& [peer, _] : peers_) send_to(peer, what);
}

void pg_server::handle_info(group_change m) {
    if (m.joined) {
        auto& in_it = local_[m.groups.front()];
        in_it.insert(in_it.end(), m.pids.begin(), m.pids.end());
        return broadcast(tuple(atom("join"), self_, m.groups.front(), term_of(m.pids)));
    }
    for (const term& group : m.groups) drop(local_, group, m.pids);
    broadcast(tuple(atom("leave"), self_, term_of(m.pids), list_of(std::move(m.groups))));
}

void pg_server::handle_info(pg_message::discover m) {
    if (!can_be_met(m.peer)) return;
    members_by_group all(local_.begin(), local_.end());
    send_to(m.peer, tuple(atoms::gen_cast, tuple(atom("sync"), self_, to_term(all))));
    if (peers_.contains(m.peer)) return;
    peers_[m.peer].monitor = monitor(m.peer);
    send_to(m.peer, tuple(atom("discover"), self_));
}

void pg_server::handle_cast(pg_message::sync m) {
    if (!can_be_met(m.peer)) return;
    const auto [at, is_new] = peers_.try_emplace(m.peer);
    if (is_new) at->second.monitor = monitor(m.peer);
    take_over(at->second, std::move(m.groups));
}

// What differs joins or leaves, so that who watches is told of that and no more.
void pg_server::take_over(peer& of, members_by_group now) {
    groups before = std::exchange(of.members, {});
    for (auto& [group, pids] : now) {
        std::vector<pid> gone = std::move(before[group]);
        before.erase(group);
        const std::vector<pid> fresh = subtract(gone, pids);
        remote_members_left(scope_, group, gone);
        remote_members_joined(scope_, group, fresh);
        if (!pids.empty()) of.members[group] = std::move(pids);
    }
    for (const auto& [group, pids] : before) remote_members_left(scope_, group, pids);
}

void pg_server::handle_info(pg_message::join m) {
    const auto at = peers_.find(m.peer);
    if (at == peers_.end()) return;
    const std::vector<pid> pids = pids_of(m.who);
    if (pids.empty()) return;
    auto& in_it = at->second.members[m.group];
    in_it.insert(in_it.end(), pids.begin(), pids.end());
    remote_members_joined(scope_, m.group, pids);
}

void pg_server::handle_info(pg_message::leave m) {
    const auto at = peers_.find(m.peer);
    if (at == peers_.end()) return;
    const std::vector<pid> pids = pids_of(m.who);
    for (const term& group : m.groups) {
        drop(at->second.members, group, pids);
        remote_members_left(scope_, group, pids);
    }
}

void pg_server::handle_info(const nodeup_message& m) {
    send_to(server_ref(scope_, m.node), tuple(atom("discover"), self_));
}

void pg_server::handle_info(const down_message& m) {
    const auto who = m.pid();
    const auto at = who ? peers_.find(*who) : peers_.end();
    if (at == peers_.end() || at->second.monitor != m.monitor) return;
    const groups gone = std::move(at->second.members);
    peers_.erase(at);
    for (const auto& [group, pids] : gone) remote_members_left(scope_, group, pids);
}

}  // namespace beam::detail

namespace beam::pg {

using beam::detail::pg_server;

outcome<pid> start_link(atom scope) {
    return beam::start_link<pg_server>(server_options(server_name(scope)), scope);
}

child_start child(atom scope) {
    return beam::child<pg_server>(server_options(server_name(scope)), scope);
}

}  // namespace beam::pg
