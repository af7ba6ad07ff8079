// Signals that leave for other nodes, and those that come from there.

#include <string_view>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam::detail {

term value_of(signal* s) {
    if (s->type == descriptor_of<term>()) return std::move(*static_cast<term*>(s->payload()));
    if (s->type->to_term) return s->type->to_term(s->payload());
    log(log_level::warning, "runtime",
        "a message of a type without declared fields has left the node",
        {{"type", std::string_view(s->type->name)}, {"try", "BEAM_FIELDS (term/fields.hpp)"}});
    return tuple(atom("opaque"), std::string_view(s->type->name));
}

namespace {

pid sender() {
    const process_block* me = current_or_null();
    return me ? me->pid() : pid();
}

}  // namespace

bool runtime_impl::carry(const pid& to, signal* s) noexcept {
    carrier* c = remote.load(std::memory_order_acquire);
    if (!c) return false;
    switch (s->kind) {
        case signal_kind::message:
        case signal_kind::alias_message:
        case signal_kind::request:
        case signal_kind::reply:
            c->message(sender(), to, value_of(s));
            break;
        case signal_kind::link:
            c->link(static_cast<link_signal*>(s)->from, to);
            break;
        case signal_kind::unlink:
            c->unlink(static_cast<link_signal*>(s)->from, to, static_cast<link_signal*>(s)->id);
            break;
        case signal_kind::unlink_ack:
            c->unlink_ack(static_cast<link_signal*>(s)->from, to, static_cast<link_signal*>(s)->id);
            break;
        case signal_kind::monitor:
            c->monitor(static_cast<monitor_signal*>(s)->from, to,
                       static_cast<monitor_signal*>(s)->monitor);
            break;
        case signal_kind::demonitor:
            c->demonitor(static_cast<monitor_signal*>(s)->from, to,
                         static_cast<monitor_signal*>(s)->monitor);
            break;
        case signal_kind::exit: {
            const auto& e = *static_cast<const exit_signal*>(s);
            if (e.by_link)
                c->link_exit(e.from, to, e.reason);
            else
                c->exit(e.from, to, e.reason);
            break;
        }
        case signal_kind::request_down:
            break;               // who calls from another node monitors the server
        case signal_kind::down:  // see send_down_afar
        case signal_kind::answered:
        case signal_kind::wake:
        case signal_kind::system:
            return false;
    }
    discard(s);
    return true;
}

void set_carrier(runtime& node, const node_identity& self, carrier* c) {
    runtime_impl& r = node.impl();
    const node_identity shown = c ? self : node_identity{atoms::nonode_at_nohost, 0};
    r.self_name.store(shown.name.index(), std::memory_order_relaxed);
    r.self_creation.store(shown.creation, std::memory_order_relaxed);
    r.remote.store(c, std::memory_order_release);
}

node_identity identity_of(runtime& node) noexcept {
    return {node.impl().name(), node.impl().self_creation.load(std::memory_order_relaxed)};
}

pid local_name(runtime& node, atom name) noexcept {
    return node.impl().names.find(name).value_or(pid());
}

void send_if_connected(const server_ref& to, term value) {
    process_block* me = current();
    const pid p = to.resolve_or_none();
    if ((p && p.is_local()) || to.node() == me->node->name())
        return beam::send(to, std::move(value));
    if (carrier* c = me->node->remote.load(std::memory_order_acquire))
        c->message_if_connected(me->pid(), to, std::move(value));
}

bool suspend_caller(const pid& who) noexcept {
    process_block* me = current_or_null();
    if (!me || me->pid() != who) return false;
    ++me->more().suspended;
    me->reductions_left = 0;
    return true;
}

void resume_caller(runtime& node, const pid& suspended) noexcept {
    auto* s = make_signal<system_signal>(signal_kind::system);
    s->code = [](process_block* pb) {
        if (pb && pb->extra && pb->extra->suspended > 0) --pb->extra->suspended;
    };
    if (!node.impl().deliver(suspended, s)) free_signal(s);
}

namespace arrival {

namespace {

template <class S>
bool give(runtime& node, const pid& to, S* s) noexcept {
    if (node.impl().deliver(to, s)) return true;
    discard(s);
    return false;
}

bool give_answer(runtime& node, const ref& request, term answer) noexcept {
    auto* s = static_cast<reply_signal*>(allocate_reply(descriptor_of<term>()));
    ::new (s->payload()) term(std::move(answer));
    s->id = id_of(request);
    return give(node, {request.words[2], request.words[3], 0}, s);
}

// The reference of a call of this node in an answer's tag.
std::optional<ref> request_in(const term& tag) {
    std::optional<ref> r = tag.as_ref();
    if (const term* head = tag.head(); head && *head == atom("alias")) r = tag.tail()->as_ref();
    return r && is_remote_request(*r) ? r : std::nullopt;
}

std::optional<ref> request_answered(const term& value) {
    const auto e = value.elements();
    return e.size() == 2 ? request_in(e[0]) : std::nullopt;
}

}  // namespace

bool message(runtime& node, const pid& to, term value) noexcept {
    if (auto request = request_answered(value))
        return give_answer(node, *request, value.elements()[1]);
    return give(node, to, beam::message::make(std::move(value)).release());
}

bool message(runtime& node, atom name, term value) noexcept {
    const pid to = local_name(node, name);
    return to && message(node, to, std::move(value));
}

bool alias_message(runtime& node, const ref& alias, term value) noexcept {
    if (is_remote_request(alias)) {
        const auto e = value.elements();
        return e.size() == 2 && give_answer(node, alias, e[1]);
    }
    if (!is_alias(alias)) return false;
    auto* a = make_carrier<alias_signal>(signal_kind::alias_message, descriptor_of<term>());
    a->id = id_of(alias);
    ::new (a->payload()) term(std::move(value));
    return give(node, {alias.words[2], alias.words[3], 0}, a);
}

namespace {

bool give_link(runtime& node, signal_kind kind, const pid& from, const pid& to, std::uint64_t id) {
    auto* s = make_signal<link_signal>(kind);
    s->from = from;
    s->id = id;
    return give(node, to, s);
}

bool give_exit(runtime& node, const pid& from, const pid& to, term reason, bool by_link) {
    auto* s = make_signal<exit_signal>(signal_kind::exit);
    s->from = from;
    s->by_link = by_link;
    s->reason = std::move(reason);
    return give(node, to, s);
}

}  // namespace

void soon(runtime& node, const pid& to) noexcept {
    if (const process_block* pb = node.impl().processes.find(to.id)) __builtin_prefetch(pb, 1);
}

bool link(runtime& node, const pid& from, const pid& to) noexcept {
    return give_link(node, signal_kind::link, from, to, 0);
}
bool unlink(runtime& node, const pid& from, const pid& to, std::uint64_t id) noexcept {
    return give_link(node, signal_kind::unlink, from, to, id);
}
bool unlink_ack(runtime& node, const pid& from, const pid& to, std::uint64_t id) noexcept {
    return give_link(node, signal_kind::unlink_ack, from, to, id);
}

bool monitor(runtime& node, const pid& from, const pid& to, atom by_name,
             const ref& monitor) noexcept {
    auto* s = make_signal<monitor_signal>(signal_kind::monitor);
    s->monitor = monitor;
    s->from = from;
    s->by_name = by_name;
    return give(node, to, s);
}

bool demonitor(runtime& node, const pid& to, const ref& monitor) noexcept {
    auto* s = make_signal<monitor_signal>(signal_kind::demonitor);
    s->monitor = monitor;
    return give(node, to, s);
}

bool down(runtime& node, const pid& to, const ref& monitor, term reason, atom node_name) noexcept {
    if (!is_remote_request(monitor)) return give(node, to, make_down(monitor, std::move(reason)));
    auto* s = make_signal<request_down_signal>(signal_kind::request_down);
    s->id = id_of(monitor);
    s->reason =
        reason == atoms::noconnection ? tuple(atoms::nodedown, node_name) : std::move(reason);
    return give(node, {monitor.words[2], monitor.words[3], 0}, s);
}

bool exit(runtime& node, const pid& from, const pid& to, term reason) noexcept {
    return give_exit(node, from, to, std::move(reason), false);
}
bool link_exit(runtime& node, const pid& from, const pid& to, term reason) noexcept {
    return give_exit(node, from, to, std::move(reason), true);
}

}  // namespace arrival

}  // namespace beam::detail
