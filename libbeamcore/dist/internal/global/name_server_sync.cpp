// The name server: becoming one partition with another node's.
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/dist/internal/global/locks.hpp"
#include "libbeamcore/dist/internal/global/name_server.hpp"
#include "libbeamcore/dist/internal/global/resolving.hpp"
#include "libbeamcore/runtime/spawn.hpp"

namespace beam::dist::detail {

namespace {

// `[{Node, Version}]`, or `[Node]` of old.
std::vector<std::pair<atom, int>> nodes_with_versions(const term& list) {
    std::vector<std::pair<atom, int>> read;
    for (const term& t : list.list_elements()) {
        const auto e = t.elements();
        const auto name = e.size() == 2 ? e[0].as_atom() : t.as_atom();
        if (!name) continue;
        read.emplace_back(*name, e.size() == 2 ? e[1].as_int<int>().value_or(0) : 0);
    }
    return read;
}

term with_versions(const std::vector<std::pair<atom, int>>& nodes) {
    std::vector<term> made;
    made.reserve(nodes.size());
    for (const auto& [name, version] : nodes) made.push_back(tuple(name, version));
    return list_of(std::move(made));
}

std::vector<term> elements_of(const term& list) {
    return list.as_list().value_or(std::vector<term>());
}

void cancel_connect(atom of, term his_tag) {
    tell_name_server(of, tuple(atom("cancel_connect"), node(), std::move(his_tag)));
}

// A node of the other's partition: connected, and told that it has our names too.
process join_node(self, pid name_server, atom other) {
    auto connecting = connect(other);
    const bool there = co_await connecting;
    if (there) {
        cast_name_server(other, tuple(atom("in_sync"), node(), true));
    } else {
        log(log_level::warning, "global", "could not connect to a node of the partition",
            {{"node", other.name()}});
        send(name_server, node_unreachable{other});
    }
}

}  // namespace

// -- beginning ------------------------------------------------------------------------------------

name_server::synchronisation* name_server::current(atom node, const term& my_tag) {
    const auto at = syncs_.find(node);
    if (at == syncs_.end() || at->second.my_tag == 0 || my_tag != term(at->second.my_tag))
        return nullptr;
    return &at->second;
}

void name_server::begin(atom node) {
    removing_.erase(node);
    if (known_.contains(node)) return;
    synchronisation& s = syncs_[node];
    if (s.my_tag != 0) return;
    s.my_tag = ++last_tag_;
    term locker = tuple(atom("locker"), atom("no_longer_a_pid"), map(), locker_);
    cast_name_server(node, tuple(atom("init_connect"), tuple(global_version, s.my_tag),
                                 beam::node(), std::move(locker)));
    if (!s.early_locker) return;
    const pid early = *std::exchange(s.early_locker, std::nullopt);
    meet(node, s.version, term(s.his_tag), early);
}

void name_server::on_init_connect(const term& m) {
    const auto e = m.elements();
    const auto version = e[1].elements();
    const auto node = e[2].as_atom();
    const auto his = e[3].elements();
    const auto number = version.size() >= 2 ? version[0].as_int<int>() : std::nullopt;
    const auto locker = his.size() == 4 ? his[3].as_pid() : std::nullopt;
    if (!node || !number || !locker) return;
    if (*number < global_version) {
        // It says nothing of a synchronisation that it gave up: such are OTP 24 and older.
        log(log_level::warning, "global", "a node speaks an older protocol, it takes no part",
            {{"node", node->name()}});
        return;
    }
    meet(*node, global_version, version[1], *locker);
}

void name_server::meet(atom node, int version, const term& his_tag, const pid& his_locker) {
    if (pending_.contains(node)) {
        // He has begun again.
        cancel_connect(node, his_tag);
        begin_again(node, syncs_[node].my_tag);
    }
    synchronisation& s = syncs_[node];
    s.version = version;
    s.his_tag = his_tag;
    if (s.my_tag == 0) {
        s.early_locker = his_locker;
        return;
    }
    locker_order o;
    o.what = locker_order::kind::meet;
    o.node = node;
    o.my_tag = s.my_tag;
    o.his_tag = his_tag;
    o.who = his_locker;
    send(locker_, std::move(o));
    tell_name_server(node, tuple(atom("init_connect_ack"), beam::node(), his_tag, s.my_tag));
    pending_[node] = version;
}

void name_server::on_init_connect_ack(const term& m) {
    const auto e = m.elements();
    const auto node = e[1].as_atom();
    if (!node) return;
    const auto at = syncs_.find(*node);
    const sync_tag mine = at == syncs_.end() ? 0 : at->second.my_tag;
    if (mine != 0 && term(mine) == e[2] && at->second.his_tag == e[3]) return;
    cancel_connect(*node, e[3]);
    begin_again(*node, mine);
}

void name_server::on_cancel_connect(const term& m) {
    const auto e = m.elements();
    const auto node = e[1].as_atom();
    const synchronisation* s = node ? current(*node, e[2]) : nullptr;
    if (s) begin_again(*node, s->my_tag);
}

void name_server::begin_again(atom node, sync_tag my_tag) {
    cancel(node, my_tag);
    reset(node);
    pending_.erase(node);
    if (my_tag != 0) begin(node);
}

void name_server::cancel(atom node, sync_tag my_tag, std::vector<atom> to, term news) {
    locker_order o;
    o.what = locker_order::kind::cancel;
    o.node = node;
    o.my_tag = my_tag;
    o.nodes = std::move(to);
    o.news = std::move(news);
    send(locker_, std::move(o));
    const auto at = syncs_.find(node);
    if (at == syncs_.end() || my_tag == 0 || at->second.my_tag != my_tag) return;
    if (pending_.contains(node)) cancel_connect(node, at->second.his_tag);
    if (const pid resolver = std::exchange(at->second.resolver, {})) exit(resolver, atoms::kill);
}

void name_server::reset(atom node) {
    syncs_.erase(node);
}

// -- exchanging names -----------------------------------------------------------------------------

void name_server::on_lock_set(const term& m) {
    const auto e = m.elements();
    const auto who = e[1].as_pid();
    if (!who || !current(beam::node(*who), e[4])) return;
    locker_order o;
    o.what = locker_order::kind::lock_set;
    o.node = beam::node(*who);
    o.my_tag = e[4].as_int64().value_or(0);
    o.who = *who;
    o.yes = e[2] == atoms::true_;
    send(locker_, std::move(o));
}

void name_server::handle_info(partitions_locked m) {
    synchronisation* s = current(m.node, m.my_tag);
    if (!s) return cancel(m.node, m.my_tag);
    cast_name_server(m.node,
                     tuple(atom("exchange"), node(), table_.exchange_list(), nil, s->his_tag));
    s->lock_id = std::move(m.lock_id);
    s->locked = true;
    names_exchanged(m.node);
}

void name_server::on_exchange(const term& m) {
    const auto e = m.elements();
    const auto node = e[1].as_atom();
    if (!node) return;
    synchronisation* s = current(*node, e[4]);
    if (!s) return cancel(*node, e[4].as_int64().value_or(0));
    s->his_names = e[2];
    names_exchanged(*node);
}

// When both have come: this side is locked, and the other's names are here.
void name_server::names_exchanged(atom node) {
    synchronisation& s = syncs_[node];
    if (!s.locked || !s.his_names) return;
    s.locked = false;
    s.resolver = spawn(resolve_names, id(), node, s.my_tag, *std::move(s.his_names));
    s.his_names.reset();
}

void name_server::handle_info(names_resolved m) {
    synchronisation* s = current(m.node, m.my_tag);
    if (!s) return cancel(m.node, m.my_tag);
    s->resolver = {};
    cast_name_server(m.node, tuple(atom("resolved"), node(), list_of(std::move(m.there)),
                                   known_list(), atom("unused"), nil, s->his_tag));
    s->my_operations = std::move(m.here);
    if (s->his) finish(m.node, *std::move(s->his));
}

void name_server::on_resolved(const term& m) {
    const auto e = m.elements();
    const auto node = e[1].as_atom();
    if (!node) return;
    synchronisation* s = current(*node, e[6]);
    if (!s) return cancel(*node, e[6].as_int64().value_or(0));
    his_resolution his{elements_of(e[2]), nodes_with_versions(e[3])};
    if (s->my_operations)
        finish(*node, std::move(his));
    else
        s->his = std::move(his);
}

void name_server::finish(atom node, his_resolution his) {
    synchronisation& s = syncs_[node];
    const sync_tag my_tag = s.my_tag;
    const term lock_id = s.lock_id;
    std::vector<term> operations = *std::move(s.my_operations);
    operations.insert(operations.end(), his.operations.begin(), his.operations.end());
    std::vector<std::pair<atom, int>> fresh{{node, version_of(node)}};
    std::vector<atom> his_known;
    for (const auto& [name, version] : his.known) {
        his_known.push_back(name);
        fresh.emplace_back(name, version == 0 ? version_of(name) : version);
    }
    term extra = list({tuple(atom("vsn"), s.version), tuple(atom("lock"), lock_id)});

    connect_others(his_known);
    apply(operations, lock_id);
    for (const atom n : his_known) {
        pending_.erase(n);
        const auto at = syncs_.find(n);
        cancel(n, at == syncs_.end() ? 0 : at->second.my_tag);
        reset(n);
    }
    // His partition hears of it from him.
    std::vector<atom> partition;
    for (const auto& [name, version] : known_) partition.push_back(name);
    term news = tuple(atom("new_nodes"), beam::node(), list_of(std::move(operations)), nil,
                      with_versions(fresh), std::move(extra));
    pending_.erase(node);
    cancel(node, my_tag, std::move(partition), std::move(news));
    reset(node);
    locker_order o;
    o.what = locker_order::kind::add;
    o.nodes = add_known(fresh);
    send(locker_, std::move(o));
    synced(node);
}

void name_server::on_new_nodes(const term& m) {
    const auto e = m.elements();
    term lock_id;
    for (const term& item : e[5].list_elements())
        if (item.is_tagged(atom("lock"), 2)) lock_id = item.elements()[1];
    locker_order o;
    o.what = locker_order::kind::add;
    o.nodes = add_known(nodes_with_versions(e[4]));
    connect_others(o.nodes);
    apply(elements_of(e[2]), lock_id);
    send(locker_, std::move(o));
}

void name_server::on_in_sync(const term& m) {
    const auto node = m.elements()[1].as_atom();
    if (!node) return;
    pending_.erase(*node);
    synced(*node);
    const auto at = syncs_.find(*node);
    cancel(*node, at == syncs_.end() ? 0 : at->second.my_tag);
    reset(*node);
}

void name_server::connect_others(const std::vector<atom>& nodes) {
    for (const atom n : nodes)
        if (n != node()) spawn(join_node, id(), n);
}

void name_server::synced(atom node) {
    synced_.insert(node);
    no_longer_waited_for(node);
}

void name_server::no_longer_waited_for(atom node) {
    std::erase_if(waiting_, [&](waiting_sync& w) {
        std::erase(w.nodes, node);
        if (w.nodes.empty()) reply(w.who, true);
        return w.nodes.empty();
    });
}

std::vector<atom> name_server::add_known(const std::vector<std::pair<atom, int>>& nodes) {
    std::vector<atom> added;
    for (const auto& [name, version] : nodes)
        if (name != node() && known_.try_emplace(name, version).second) added.push_back(name);
    return added;
}

term name_server::known_list() const {
    return with_versions({known_.begin(), known_.end()});
}

int name_server::version_of(atom node) const {
    if (node == beam::node()) return global_version;
    if (const auto at = known_.find(node); at != known_.end()) return at->second;
    const auto at = pending_.find(node);
    return at == pending_.end() ? 0 : at->second;
}

}  // namespace beam::dist::detail
