// The name server: names and locks.
#include <algorithm>

#include "libbeamcore/dist/internal/global/name_server.hpp"
#include "libbeamcore/runtime/link.hpp"

namespace beam::dist::detail {

namespace {

struct lock_parts {
    term resource, requester;
};
std::optional<lock_parts> parts_of(const term& id) {
    const auto e = id.elements();
    if (e.size() != 2) return {};
    return lock_parts{e[0], e[1]};
}

}  // namespace

// `{register, ...}` and `{unregister, ...}` of a registrar that has the lock; `undefined` for what is neither.
term name_server::change_names(const term& request, const pid& who) {
    const auto e = request.elements();
    const bool adds =
        request.is_tagged(atom("register"), 4) || request.is_tagged(atom("register_ext"), 5);
    const auto named = adds ? e[2].as_pid() : std::nullopt;
    if (named) {
        insert_name(e[1], *named, e[3], holds_lock(who));
        return atoms::yes;
    }
    if (!request.is_tagged(atom("unregister"), 2)) return {};
    remove_name(e[1]);
    return atoms::ok;
}

// Whoever gave the name may have died with the lock, so that it was taken back elsewhere already.
void name_server::insert_name(const term& name, const pid& who, const term& method,
                              bool lock_holds) {
    remove_name(name);
    if (!lock_holds) return;
    const ref monitor = beam::monitor(who);
    monitored_names_.emplace(monitor, name);
    table_.insert(name, {who, method, monitor});
}

void name_server::remove_name(const term& name) {
    const auto gone = table_.remove(name);
    if (!gone) return;
    monitored_names_.erase(gone->monitor);
    demonitor(gone->monitor, {.flush = true});
}

void name_server::apply(const std::vector<term>& operations, const term& lock_id) {
    for (const term& op : operations) {
        if (!op.is_tagged(atom("insert"), 2)) continue;
        const auto e = op.elements()[1].elements();
        const auto who = e.size() == 3 ? e[1].as_pid() : std::nullopt;
        if (who) insert_name(e[0], *who, e[2], holds_lock(lock_id));
    }
    for (const term& op : operations)
        if (op.is_tagged(atom("delete"), 2)) remove_name(op.elements()[1]);
}

bool name_server::holds_lock(const pid& who) const {
    const auto l = table_.find_lock(atoms::global);
    if (!l) return !lock_died_;
    return std::any_of(l->holders.begin(), l->holders.end(),
                       [&](const auto& h) { return h.who == who; });
}

bool name_server::holds_lock(const term& lock_id) const {
    const auto l = table_.find_lock(atoms::global);
    if (!l) return !lock_died_;
    const auto id = parts_of(lock_id);
    return id && l->requester == id->requester;
}

bool name_server::set_lock(const term& id, const pid& who) {
    const auto parts = parts_of(id);
    if (!parts || !table_.can_set(id)) return false;
    auto l = table_.find_lock(parts->resource).value_or(global_table::lock{parts->requester, {}});
    for (const auto& h : l.holders)
        if (h.who == who) return true;
    const ref monitor = beam::monitor(who);
    monitored_locks_.emplace(monitor, parts->resource);
    l.holders.push_back({who, monitor});
    table_.put_lock(parts->resource, std::move(l));
    return true;
}

void name_server::remove_lock(const term& id, const pid& who) {
    const auto parts = parts_of(id);
    const auto l = parts ? table_.find_lock(parts->resource) : std::nullopt;
    if (l && l->requester == parts->requester) release_lock(parts->resource, who, false);
}

void name_server::release_lock(const term& resource, const pid& who, bool died) {
    auto l = table_.find_lock(resource);
    if (!l) return;
    const auto at = std::find_if(l->holders.begin(), l->holders.end(),
                                 [&](const auto& h) { return h.who == who; });
    if (at == l->holders.end()) return;
    monitored_locks_.erase(at->monitor);
    demonitor(at->monitor, {.flush = true});
    l->holders.erase(at);
    if (!l->holders.empty()) return table_.put_lock(resource, *std::move(l));
    table_.remove_lock(resource);
    if (resource == atoms::global) lock_died_ = died;
}

void name_server::handle_info(const down_message& m) {
    if (const auto at = monitored_locks_.find(m.monitor); at != monitored_locks_.end()) {
        const auto l = table_.find_lock(at->second);
        const auto holder = l ? std::find_if(l->holders.begin(), l->holders.end(),
                                             [&](const auto& h) { return h.monitor == m.monitor; })
                              : decltype(l->holders.begin())();
        if (l && holder != l->holders.end()) {
            const term resource = at->second;
            release_lock(resource, holder->who, true);
        }
        return;
    }
    if (const auto at = monitored_names_.find(m.monitor); at != monitored_names_.end()) {
        const term name = at->second;
        remove_name(name);
    }
}

}  // namespace beam::dist::detail
