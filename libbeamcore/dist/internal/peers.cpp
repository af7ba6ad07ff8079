#include "libbeamcore/dist/internal/peers.hpp"

#include "libbeamcore/runtime/send.hpp"

namespace beam::dist::detail {

namespace arrival = beam::detail::arrival;

peers::~peers() {
    for (auto& r : rows_) delete r.load();
}

peer* peers::find(atom name) const {
    std::shared_lock lock(mutex_);
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : at->second.get();
}

peer& peers::of(atom name) {
    if (peer* p = find(name)) return *p;
    std::unique_lock lock(mutex_);
    auto& p = by_name_[name];
    if (!p) p = std::make_unique<peer>(*this, name);
    return *p;
}

peer* peers::by_index(std::uint32_t index) {
    auto& slot = rows_[index / chunk];
    row* r = slot.load(std::memory_order_acquire);
    if (r) {
        if (peer* p = (*r)[index % chunk].load(std::memory_order_acquire)) return p;
    }
    const node_identity id = node_at(index);
    if (id.name == self_.name) return nullptr;
    peer* p = &of(id.name);
    if (!r) {
        auto made = std::make_unique<row>();
        if (slot.compare_exchange_strong(r, made.get(), std::memory_order_acq_rel))
            r = made.release();
    }
    (*r)[index % chunk].store(p, std::memory_order_release);
    return p;
}

peer* peers::of(const pid& p) {
    return by_index(p.node);
}

std::vector<peer*> peers::all() const {
    std::shared_lock lock(mutex_);
    std::vector<peer*> list;
    list.reserve(by_name_.size());
    for (const auto& [name, p] : by_name_) list.push_back(p.get());
    return list;
}

peers::place peers::place_of(const server_ref& to) {
    if (to.is_name()) return {&of(*to.node()), to.name()};
    const pid p = *to.resolve();
    return {of(p), p};
}

void peers::order_connection(peer& to) {
    const auto attempt = to.begin_attempt();
    if (!attempt) return;
    const acceptances::order o{&to, *attempt};
    if (!accepting_.keep(to.name().name(), o)) send_order(o);
}

void peers::send_order(const acceptances::order& o) {
    const std::uint64_t p = connector_.load(std::memory_order_acquire);
    node_.send(pid{std::uint32_t(p), std::uint32_t(p >> 32), 0}, connect_order{o.to, o.attempt});
}

void peers::accept_end(const std::string& name) {
    const auto kept = accepting_.end(name);
    if (kept && kept->to->take_up(kept->attempt)) send_order(*kept);
}

void peers::message(const pid& from, const server_ref& to, const term& value,
                    bool connects) noexcept {
    const place at = place_of(to);
    if (!at.to) return;
    if (const pid* p = std::get_if<pid>(&at.target))
        at.to->send(control::send{from, *p}, value, connects);
    else
        at.to->send(control::reg_send{from, std::get<atom>(at.target)}, value, connects);
}

void peers::message(const pid& from, const server_ref& to, term value) noexcept {
    message(from, to, value, true);
}

void peers::message_if_connected(const pid& from, const server_ref& to, term value) noexcept {
    message(from, to, value, false);
}

void peers::alias_message(const pid& from, const ref& alias, term value) noexcept {
    if (peer* p = by_index(alias.node)) p->send(control::alias_send{from, alias}, value, true);
}

void peers::link(const pid& from, const pid& to) noexcept {
    if (peer* p = of(to))
        p->link(from, to);
    else
        arrival::link_exit(node_, to, from, atoms::noproc);
}

void peers::unlink(const pid& from, const pid& to, std::uint64_t id) noexcept {
    if (peer* p = of(to))
        p->unlink(from, to, id);
    else
        arrival::unlink_ack(node_, to, from, id);
}

void peers::unlink_ack(const pid& from, const pid& to, std::uint64_t id) noexcept {
    if (peer* p = of(to); p && id != 0) p->tell(from, control::unlink_ack{id, from, to}, false);
}

void peers::monitor(const pid& from, const server_ref& to, const ref& monitor) noexcept {
    const place at = place_of(to);
    if (at.to)
        at.to->monitor(from, at.target, monitor);
    else
        arrival::down(node_, from, monitor, atoms::noproc, self_.name);
}

void peers::demonitor(const pid& from, const server_ref& to, const ref& monitor) noexcept {
    const place at = place_of(to);
    if (at.to) at.to->demonitor(from, at.target, monitor);
}

void peers::down(const pid& from, atom by_name, const pid& to, const ref& monitor,
                 const term& reason) noexcept {
    peer* p = of(to);
    if (!p) return;
    p->down(by_name == atom() ? control::target(from) : control::target(by_name), to, monitor,
            reason);
}

void peers::exit(const pid& from, const pid& to, const term& reason) noexcept {
    if (peer* p = of(to)) p->tell(from, control::exit{from, to, reason}, true);
}

void peers::link_exit(const pid& from, const pid& to, const term& reason) noexcept {
    if (peer* p = of(to)) p->link_exit(from, to, reason);
}

void peers::connect(atom node) noexcept {
    order_connection(of(node));
}

bool peers::disconnect(atom node) noexcept {
    return of(node).disconnect(atom("disconnect"));
}

}  // namespace beam::dist::detail
