#include "libbeamcore/runtime/exit.hpp"

#include <cxxabi.h>

#include <typeinfo>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/symbol.hpp"
#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::exit_message);

namespace beam {

exit_exception::exit_exception(term r) : reason(std::move(r)) {}
exit_exception::exit_exception(const exit_exception&) = default;
exit_exception::~exit_exception() = default;
error_exception::error_exception(term r) : reason(std::move(r)) {}
error_exception::error_exception(const error_exception&) = default;
error_exception::~error_exception() = default;

void exit(term reason) {
    throw exit_exception(std::move(reason));
}
void exit(int reason) {
    exit(term(reason));
}
void raise(term reason) {
    throw error_exception(std::move(reason));
}

void exit(pid target, term reason) {
    detail::process_block* me = detail::current();
    if (target == me->pid()) {
        // To itself at once, not as a signal (PROC-03 to 05), but after what it sent itself before.
        detail::handle_signals(me);
        detail::receive_exit(me, target, std::move(reason), false);
        if (me->exit_pending) throw exit_exception(me->exit_reason);
        return;
    }
    auto* s = detail::make_signal<detail::exit_signal>(detail::signal_kind::exit);
    s->from = me->pid();
    s->reason = std::move(reason);
    if (!me->node->deliver(target, s)) detail::free_signal(s);
}

bool is_orderly(const term& reason) {
    return reason == atoms::normal || reason == atoms::shutdown ||
           reason.is_tagged(atoms::shutdown, 2);
}

namespace detail {

namespace {
std::string type_name_of(const std::type_info& type) {
    return demangle(type.name());
}

term no_stack() {
    return list({});
}
}  // namespace

term reason_of_current_exception() noexcept {
    try {
        throw;
    } catch (const exit_exception& e) {
        return e.reason;
    } catch (const error_exception& e) {
        return tuple(e.reason, no_stack());
    } catch (const std::exception& e) {
        return tuple(tuple(atom("cpp_exception"), type_name_of(typeid(e)), e.what()), no_stack());
    } catch (const term& value) {
        return tuple(tuple(atom("nocatch"), value), no_stack());
    } catch (int value) {
        return tuple(tuple(atom("nocatch"), value), no_stack());
    } catch (const std::string& value) {
        return tuple(tuple(atom("nocatch"), value), no_stack());
    } catch (const char* value) {
        return tuple(tuple(atom("nocatch"), value), no_stack());
    } catch (...) {
        std::string name = "unknown";
        if (const std::type_info* t = abi::__cxa_current_exception_type()) name = type_name_of(*t);
        return tuple(tuple(atom("nocatch"), tuple(atom("opaque"), name)), no_stack());
    }
}

namespace {

constexpr std::size_t told_in_a_turn = 2000;

void send_down(runtime_impl& node, const beam::pid& to, const ref& monitor, const term& reason) {
    signal* d = make_down(monitor, reason);
    if (!node.deliver_in_turn(to, d)) destroy_message(d);
}
void send_down(runtime_impl& node, std::uint64_t id, const watcher& w, const term& reason) {
    send_down(node, w.pid, w.alias ? alias_ref(id, w.pid) : ref_of(id), reason);
}

// To another node: what was monitored is named as there.
void send_down_afar(process_block* pb, const beam::pid& to, atom by_name, const ref& monitor,
                    const term& reason) {
    carrier* c = pb->node->remote.load(std::memory_order_acquire);
    if (c) c->down(pb->pid(), by_name, to, monitor, reason);
}

void send_request_down(runtime_impl& node, const beam::pid& to, std::uint64_t id,
                       const term& reason) {
    auto* d = make_signal<request_down_signal>(signal_kind::request_down);
    d->id = id;
    d->reason = reason;
    if (!node.deliver(to, d)) free_signal(d);
}

// A signal that came too late: whoever waits for an effect of it is told.
void answer_for_the_dead(process_block* pb, signal* s, const term& reason) {
    runtime_impl& node = *pb->node;
    switch (s->kind) {
        case signal_kind::request: {
            auto* r = static_cast<request_signal*>(s);
            send_request_down(node, r->caller, r->id, reason);
            break;
        }
        case signal_kind::monitor: {
            auto* m = static_cast<monitor_signal*>(s);
            if (m->monitor.is_local())
                send_down(node, m->from, m->monitor, atoms::noproc);
            else
                send_down_afar(pb, m->from, m->by_name, m->monitor, atoms::noproc);
            break;
        }
        case signal_kind::link: {
            auto* e = make_signal<exit_signal>(signal_kind::exit);
            e->from = pb->pid();
            e->by_link = true;
            e->reason = atoms::noproc;
            if (!node.deliver(static_cast<link_signal*>(s)->from, e)) free_signal(e);
            break;
        }
        case signal_kind::unlink: {
            auto* l = static_cast<link_signal*>(s);
            l->kind = signal_kind::unlink_ack;
            const beam::pid peer = std::exchange(l->from, pb->pid());
            if (node.deliver(peer, l)) return;
            break;
        }
        case signal_kind::system:
            static_cast<system_signal*>(s)->code(nullptr);
            break;
        default:
            break;
    }
    discard(s);
}

void send_link_exit(process_block* pb, const beam::pid& peer, const link_state& link,
                    const term& reason) {
    if (link.unlinking != 0) return;
    auto* e = make_signal<exit_signal>(signal_kind::exit);
    e->from = pb->pid();
    e->by_link = true;
    e->reason = reason;
    if (!pb->node->deliver_in_turn(peer, e)) free_signal(e);
}

// Tells at most `n` of those who are linked to the process or watch it, or whom it watches. True when all
// are told. `x.told` and `x.told_tables` say how far it is.
bool tell_some(process_block* pb, process_extra& x, const term& reason, std::size_t n) {
    runtime_impl& node = *pb->node;
    auto linked = [&](const beam::pid& peer, link_state& link) {
        send_link_exit(pb, peer, link, reason);
    };
    auto down = [&](std::uint64_t id, watcher& w) { send_down(node, id, w, reason); };
    auto stop_watching = [&](std::uint64_t id, watch& w) { stop_watch(pb, id, w); };
    auto unanswered = [&](const request_key& k, char) {
        send_request_down(node, k.caller, k.id, reason);
    };
    auto down_afar = [&](const ref& monitor, const remote_watcher& w) {
        send_down_afar(pb, w.pid, w.by_name, monitor, reason);
    };
    auto nothing = [](const auto&) {};
    auto fetch_peer = [&](const beam::pid& peer) {
        if (!peer.is_local()) return;
        if (const process_block* other = node.processes.find(peer.id)) __builtin_prefetch(other);
    };
    auto table = [&](auto& entries, auto tell, auto soon) {
        if (!entries.for_some(&x.told, n, tell, soon)) return false;
        x.told = 0;
        ++x.told_tables;
        return true;
    };
    if (x.told_tables == 0 && !table(pb->links, linked, fetch_peer)) return false;
    if (x.told_tables == 1 && !table(pb->watched_by, down, nothing)) return false;
    if (x.told_tables == 2 && !table(x.watching, stop_watching, nothing)) return false;
    if (x.told_tables == 3 && !table(x.held, unanswered, nothing)) return false;
    return table(x.watched_from_afar, down_afar, nothing);
}

}  // namespace

// Asked before the queue is closed, and after: who marks the process and still finds it open (watch_end) has done so
// before it was closed, so one of the two looks sees the mark. Who finds it closed does by itself what is to be done.
void runtime_impl::tell_end_hooks(process_block* pb) noexcept {
    if (!(pb->parent.load(std::memory_order_seq_cst) & process_block::end_watched)) return;
    pb->parent.fetch_and(~process_block::end_watched, std::memory_order_relaxed);
    for (end_hook* h = end_hooks.load(std::memory_order_acquire); h; h = h->next)
        h->call(h->context, pb->pid());
}

void runtime_impl::begin_finish(process_block* pb, term reason) noexcept {
    pb->exiting = true;
    pb->status.store(process_status::exiting, std::memory_order_relaxed);
    pb->exit_reason = reason;
    // 1. Its own code and data, as the process itself: destructors may still send.
    process_block* outer = current_or_null();
    set_current(pb);
    if (pb->root) std::exchange(pb->root, nullptr).destroy();
    delete std::exchange(pb->body, nullptr);
    pb->wait = nullptr;
    pb->resume = nullptr;
    set_current(outer);
    release_module(std::exchange(pb->module, nullptr));

    // 2. What layers above keep for it, names, labels and groups.
    tell_end_hooks(pb);
    process_extra* x = pb->extra;
    const beam::pid me = pb->pid();
    if (x && x->name) names.forget(*x->name, me);
    if (x && x->labelled) labels.forget(me);
    if (x && x->in_group) groups.forget(me);
    if (x && x->watches_nodes) peers.forget(me);

    // 3. No more signals; what has come is answered.
    signal* s = take_signals(pb, process_block::closed);
    tell_end_hooks(pb);
    while (s) answer_for_the_dead(pb, std::exchange(s, s->next), reason);
    while (signal* m = take_first_message(pb)) answer_for_the_dead(pb, m, reason);
    if (pb->request.id != 0)
        send_request_down(*this, pb->request.caller, std::exchange(pb->request.id, 0), reason);
}

bool runtime_impl::finish(process_block* pb, term reason, bool in_steps) noexcept {
    if (!pb->exiting) begin_finish(pb, std::move(reason));
    // 4. Links and monitors. Of many some at a time, so that a hub's death keeps nobody from running.
    const std::size_t n = in_steps ? told_in_a_turn : std::size_t(-1);
    if (pb->extra || pb->links.size() > n || pb->watched_by.size() > n) {
        process_extra& x = pb->more();
        if (!tell_some(pb, x, pb->exit_reason, n)) return false;
        for (auto& hook : x.exit_hooks) hook(pb->exit_reason);
        delete std::exchange(pb->extra, nullptr);
    } else {
        pb->links.for_each([&](const beam::pid& peer, link_state& link) {
            send_link_exit(pb, peer, link, pb->exit_reason);
        });
        pb->watched_by.for_each(
            [&](std::uint64_t id, watcher& w) { send_down(*this, id, w, pb->exit_reason); });
    }
    pb->links.clear();
    pb->watched_by.clear();
    pb->exit_reason = term();
    give_back_block(pb);
    return true;
}

}  // namespace detail

}  // namespace beam
