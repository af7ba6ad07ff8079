#include "libbeamcore/runtime/nodes.hpp"

#include <algorithm>

#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::nodeup_message);
BEAM_DEFINE_DESCRIPTOR(beam::nodedown_message);

namespace beam {

namespace detail {

void node_watch::add(const subscriber& s) {
    std::lock_guard lock(mutex_);
    subscribers_.push_back(s);
}

void node_watch::remove(const subscriber& s) {
    std::lock_guard lock(mutex_);
    auto at = std::find(subscribers_.begin(), subscribers_.end(), s);
    if (at != subscribers_.end()) subscribers_.erase(at);
}

void node_watch::forget(const beam::pid& p) {
    std::lock_guard lock(mutex_);
    std::erase_if(subscribers_, [&](const subscriber& s) { return s.process == p; });
}

const node_watch::peer* node_watch::find(atom name) const {
    auto at = std::find_if(peers_.begin(), peers_.end(),
                           [name](const peer& p) { return p.name == name; });
    return at == peers_.end() ? nullptr : &*at;
}

bool node_watch::is_up(atom name) const {
    std::lock_guard lock(mutex_);
    return find(name) != nullptr;
}

bool node_watch::up(atom name, bool hidden) {
    std::lock_guard lock(mutex_);
    if (find(name)) return false;
    peers_.push_back({name, hidden});
    return true;
}

void node_watch::collect(bool hidden, std::vector<beam::pid>& to) const {
    for (const subscriber& s : subscribers_) {
        if (s.node != atom()) continue;
        if (s.which == node_kind::connected || (s.which == node_kind::hidden) == hidden)
            to.push_back(s.process);
    }
}

void node_watch::take_monitors(atom name, std::vector<beam::pid>& to) {
    std::erase_if(subscribers_, [&](const subscriber& s) {
        if (s.node != name) return false;
        to.push_back(s.process);
        return true;
    });
}

std::vector<beam::pid> node_watch::told_of_up(atom name) {
    std::lock_guard lock(mutex_);
    std::vector<beam::pid> to;
    if (const peer* p = find(name)) collect(p->hidden, to);
    return to;
}

std::vector<beam::pid> node_watch::told_of_down(atom name) {
    std::lock_guard lock(mutex_);
    std::vector<beam::pid> to;
    const peer* p = find(name);
    if (!p) return to;
    collect(p->hidden, to);
    take_monitors(name, to);
    peers_.erase(peers_.begin() + (p - peers_.data()));
    return to;
}

std::vector<beam::pid> node_watch::told_of_unreachable(atom name) {
    std::lock_guard lock(mutex_);
    std::vector<beam::pid> to;
    if (!find(name)) take_monitors(name, to);
    return to;
}

std::vector<atom> node_watch::list(node_kind which) const {
    std::lock_guard lock(mutex_);
    std::vector<atom> names;
    for (const peer& p : peers_)
        if (which == node_kind::connected || (which == node_kind::hidden) == p.hidden)
            names.push_back(p.name);
    return names;
}

namespace {

void tell_down(runtime_impl& node, atom name, const term& reason,
               const std::vector<beam::pid>& to) {
    for (const beam::pid& p : to) node.outer->send(p, nodedown_message{name, reason});
}

}  // namespace

namespace arrival {

void node_up(runtime& node, atom name, bool hidden) {
    node_watch& watch = node.impl().peers;
    if (!watch.up(name, hidden)) return;
    for (const beam::pid& p : watch.told_of_up(name)) node.send(p, nodeup_message{name});
}

void node_down(runtime& node, atom name, const term& reason) {
    tell_down(node.impl(), name, reason, node.impl().peers.told_of_down(name));
}

void node_unreachable(runtime& node, atom name) {
    tell_down(node.impl(), name, atoms::noconnection, node.impl().peers.told_of_unreachable(name));
}

}  // namespace arrival

}  // namespace detail

using namespace detail;

atom node() {
    return current()->node->name();
}

atom node(const pid& p) {
    return p.is_local() ? node() : node_at(p.node).name;
}

std::vector<atom> nodes(node_kind which) {
    return current()->node->peers.list(which);
}

bool is_connected(atom name) {
    return current()->node->peers.is_up(name);
}

void monitor_node(atom name, bool on) {
    process_block* me = current();
    runtime_impl& r = *me->node;
    if (!on) return r.peers.remove({me->pid(), name});
    me->more().watches_nodes = true;
    r.peers.add({me->pid(), name});
    if (name == r.name() || r.peers.is_up(name)) return;
    if (carrier* c = r.remote.load(std::memory_order_acquire))
        c->connect(name);
    else
        arrival::node_unreachable(*r.outer, name);
}

void monitor_nodes(bool on, node_kind which) {
    process_block* me = current();
    if (!on) return me->node->peers.remove({me->pid(), {}, which});
    me->more().watches_nodes = true;
    me->node->peers.add({me->pid(), {}, which});
}

bool disconnect_node(atom name) {
    carrier* c = current()->node->remote.load(std::memory_order_acquire);
    return c && c->disconnect(name);
}

}  // namespace beam
