#include "libbeamcore/runtime/link.hpp"

#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::down_message);

namespace beam {

namespace detail {

ref ref_of(std::uint64_t id) {
    ref r;
    r.words[0] = std::uint32_t(id);
    r.words[1] = std::uint32_t(id >> 32);
    return r;
}

std::uint64_t id_of(const ref& r) {
    return std::uint64_t(r.words[1]) << 32 | r.words[0];
}

namespace {
// Words 2 to 4 of an alias name its owner.
constexpr std::uint32_t alias_mark = 0x616C6961;
}  // namespace

ref alias_ref(std::uint64_t id, const beam::pid& owner) {
    ref r = ref_of(id);
    r.words[2] = owner.id;
    r.words[3] = owner.serial;
    r.words[4] = alias_mark;
    return r;
}

bool is_alias(const ref& r) {
    return r.is_local() && r.words[4] == alias_mark;
}

void stop_watch(process_block* pb, std::uint64_t id, const watch& w) noexcept {
    if (!w.target) {
        // By a name on another node.
        carrier* c = pb->node->remote.load(std::memory_order_acquire);
        const auto named = w.other ? w.other->object.elements() : std::span<const term>{};
        if (c && named.size() == 2)
            c->demonitor(pb->pid(), server_ref(*named[0].as_atom(), *named[1].as_atom()),
                         w.alias ? alias_ref(id, pb->pid()) : ref_of(id));
        return;
    }
    auto* s = make_signal<monitor_signal>(signal_kind::demonitor);
    s->monitor = w.alias ? alias_ref(id, pb->pid()) : ref_of(id);
    s->from = pb->pid();
    if (!pb->node->deliver(w.target, s)) free_signal(s);
}

void send_to_alias(const ref& alias, signal* s) noexcept {
    process_block* me = current();
    if (!alias.is_local()) {
        carrier* c = me->node->remote.load(std::memory_order_acquire);
        if (c) c->alias_message(me->pid(), alias, value_of(s));
        destroy_message(s);
        return;
    }
    if (!is_alias(alias)) {
        destroy_message(s);
        return;
    }
    auto* a = make_carrier<alias_signal>(signal_kind::alias_message, s->type);
    a->id = id_of(alias);
    s->type->relocate(s->payload(), a->payload());
    slab::give(s->size_class, s);
    if (!me->node->deliver({alias.words[2], alias.words[3], 0}, a)) destroy_message(a);
}

}  // namespace detail

using namespace detail;

ref make_ref() {
    return ref_of(current()->node->unique());
}

void link(pid other) {
    process_block* me = current();
    if (!other) raise(atoms::badarg);
    if (other == me->pid()) return;
    auto [state, made] = me->links.insert(other);
    if (!made && state->unlinking == 0) return;
    state->unlinking = 0;
    auto* s = make_signal<link_signal>(signal_kind::link);
    s->from = me->pid();
    if (me->node->deliver(other, s)) return;
    free_signal(s);
    handle_signals(me);  // what it sent before it died comes first
    receive_exit(me, other, other.is_local() ? atoms::noproc : atoms::noconnection, true);
}

void unlink(pid other) {
    process_block* me = current();
    link_state* state = me->links.find(other);
    if (!state || state->unlinking != 0) return;
    state->unlinking = me->node->unique();
    auto* s = make_signal<link_signal>(signal_kind::unlink);
    s->from = me->pid();
    s->id = state->unlinking;
    if (me->node->deliver(other, s)) return;
    free_signal(s);
    me->links.take(other);
}

std::optional<pid> down_message::pid() const {
    return object.as_pid();
}

ref monitor(const server_ref& target, const monitor_options& options) {
    process_block* me = current();
    const std::uint64_t id = me->node->unique();
    const ref r = options.alias ? alias_ref(id, me->pid()) : ref_of(id);
    if (options.alias) me->more().aliases.emplace(id, false);
    const pid p = target.resolve_or_none();
    if (p == me->pid()) return r;
    const bool afar = !p && target.is_name() && target.node() && *target.node() != me->node->name();
    watch& w = *me->more().watching.insert(id).first;
    w.target = p;
    w.alias = options.alias;
    if (target.is_name() || options.tag)
        w.other = std::make_unique<watch::words>(watch::words{
            target.is_name() ? tuple(target.name(), target.node().value_or(me->node->name()))
                             : term(p),
            options.tag.value_or(atoms::DOWN)});
    if (p) {
        auto* s = make_signal<monitor_signal>(signal_kind::monitor);
        s->monitor = r;
        s->from = me->pid();
        if (me->node->deliver(p, s)) return r;
        free_signal(s);
    }
    if (carrier* c = afar ? me->node->remote.load(std::memory_order_acquire) : nullptr) {
        c->monitor(me->pid(), target, r);
        return r;
    }
    // Dead or unknown: the answer comes as a signal, in order.
    signal* d = make_down(r, afar || !p.is_local() ? atoms::noconnection : atoms::noproc);
    if (!me->node->deliver(me->pid(), d)) destroy_message(d);
    return r;
}

bool demonitor(const ref& monitor, const demonitor_options& options) {
    process_block* me = current();
    watch w;
    const bool active =
        me->extra && monitor.is_local() && me->extra->watching.take(id_of(monitor), &w);
    if (active) {
        if (w.alias) me->extra->aliases.erase(id_of(monitor));
        stop_watch(me, id_of(monitor), w);
    }
    bool flushed = false;
    if (options.flush && !active) {
        handle_signals(me);
        for (signal** at = &me->mailbox; *at; at = &(*at)->next) {
            message m(*at);
            const down_message* d = m.get_if<down_message>();
            const bool ours = d && d->monitor == monitor;
            *at = m.release();
            if (!ours) continue;
            destroy_message(take_message_at(me, at));
            flushed = true;
            break;
        }
    }
    (void)flushed;
    return options.info ? active : true;
}

ref alias(bool once) {
    process_block* me = current();
    const std::uint64_t id = me->node->unique();
    me->more().aliases.emplace(id, once);
    return alias_ref(id, me->pid());
}

bool unalias(const ref& alias) {
    process_block* me = current();
    return me->extra && me->extra->aliases.erase(id_of(alias)) > 0;
}

}  // namespace beam
