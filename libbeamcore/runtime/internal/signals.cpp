// What a process does with its signals before its code sees the messages among them.

#include "libbeamcore/runtime/internal/signals.hpp"

#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"

namespace beam::detail {

namespace {

pending* find_request(process_block* pb, std::uint64_t id) {
    for (pending* p = pb->requests; p; p = p->next_)
        if (p->id == id) return p;
    return nullptr;
}

void refuse(process_block* pb, signal* s) {
    if (s->kind == signal_kind::request) {
        auto* r = static_cast<request_signal*>(s);
        auto* down = make_signal<request_down_signal>(signal_kind::request_down);
        down->id = r->id;
        down->reason = atom("mailbox_full");
        if (!pb->node->deliver(r->caller, down)) free_signal(down);
    }
    pb->node->messages_dropped.fetch_add(1, std::memory_order_relaxed);
    destroy_message(s);
}

// Only the process's own thread writes these counts; others read them.
void add_to(std::atomic<std::uint32_t>& count, std::uint32_t n) {
    count.store(count.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

void add(process_block* pb, signal* s) {
    s->next = nullptr;
    *pb->mailbox_end = s;
    pb->mailbox_end = &s->next;
    add_to(pb->queue_len, 1);
    add_to(pb->message_bytes, s->bytes);
}

// A mailbox with a bound or a limit on memory. Only messages are counted and refused.
void add_bounded(process_block* pb, signal* s) {
    process_extra& x = *pb->extra;
    if (x.mailbox_max > 0 && pb->queue_len.load(std::memory_order_relaxed) >= x.mailbox_max) {
        if (x.policy != overflow::drop_oldest) {
            refuse(pb, s);
            return;
        }
        signal** at = &pb->mailbox;
        // Exits and downs are messages too by now; they stay.
        while (*at && ((*at)->type == descriptor_of<exit_message>() ||
                       (*at)->type == descriptor_of<down_message>()))
            at = &(*at)->next;
        if (*at) {
            x.mailbox_cut = true;
            refuse(pb, take_message_at(pb, at));
        }
    }
    add(pb, s);
    if (x.message_bytes_max > 0 &&
        pb->message_bytes.load(std::memory_order_relaxed) > x.message_bytes_max &&
        !pb->exit_pending) {
        pb->exit_pending = true;
        pb->exit_reason = atoms::killed;
    }
}

void watch_length(process_block* pb) {
    const std::uint32_t limit = pb->node->events.long_message_queue.load(std::memory_order_relaxed);
    if (limit == 0) return;
    const std::uint32_t length = pb->queue_len.load(std::memory_order_relaxed);
    if (length < limit && !(pb->extra && pb->extra->long_queue_reported)) return;
    process_extra& x = pb->more();
    if (x.long_queue_reported) {
        if (length < limit / 2) x.long_queue_reported = false;
        return;
    }
    x.long_queue_reported = true;
    system_event e;
    e.what = system_event::kind::long_message_queue;
    e.pid = pb->pid();
    e.queue_length = length;
    if (x.name) e.registered_name = x.name->name();
    e.doing = atom::at(pb->initial_call.load(std::memory_order_relaxed)).name();
    pb->node->report(std::move(e));
}

void receive_down(process_block* pb, signal* s) {
    auto& m = *static_cast<down_message*>(s->payload());
    watch w;
    if (!pb->extra || !pb->extra->watching.take(id_of(m.monitor), &w)) {
        destroy_message(s);
        return;
    }
    if (w.alias) pb->extra->aliases.erase(id_of(m.monitor));
    m.object = w.object();
    m.tag = w.other ? std::move(w.other->tag) : term(atoms::DOWN);
    s->kind = signal_kind::message;
    append_message(pb, s);
}

void receive_link(process_block* pb, link_signal* s) {
    // If it is being unlinked here our unlink is on its way to the peer: both sides forget it.
    pb->links.insert(s->from);
    free_signal(s);
}

void receive_unlink(process_block* pb, link_signal* s) {
    // While an unlink of ours is under way the entry stays until that is acknowledged: a link that the
    // peer sent meanwhile will be undone there by our unlink, and must find it here.
    const link_state* state = pb->links.find(s->from);
    if (state && state->unlinking == 0) pb->links.take(s->from);
    s->kind = signal_kind::unlink_ack;
    const beam::pid peer = std::exchange(s->from, pb->pid());
    if (!pb->node->deliver(peer, s)) free_signal(s);
}

void receive_unlink_ack(process_block* pb, link_signal* s) {
    link_state* state = pb->links.find(s->from);
    if (state && state->unlinking == s->id) pb->links.take(s->from);
    free_signal(s);
}

void receive_alias_message(process_block* pb, signal* s) {
    auto* a = static_cast<alias_signal*>(s);
    if (pb->extra) {
        auto it = pb->extra->aliases.find(a->id);
        if (it != pb->extra->aliases.end()) {
            if (it->second) pb->extra->aliases.erase(it);
            append_message(pb, s);
            return;
        }
    }
    destroy_message(s);
}

void handle_signal(process_block* pb, signal* s) {
    switch (s->kind) {
        case signal_kind::message:
        case signal_kind::request:
            append_message(pb, s);
            return;
        case signal_kind::alias_message:
            receive_alias_message(pb, s);
            return;
        case signal_kind::reply:
            if (pending* p = find_request(pb, static_cast<reply_signal*>(s)->id);
                p && !p->found && !p->settled_) {
                p->found = s;
            } else {
                destroy_message(s);  // late
            }
            return;
        case signal_kind::request_down: {
            auto* d = static_cast<request_down_signal*>(s);
            if (pending* p = find_request(pb, d->id); p && !p->found && !p->settled_) {
                p->failure_ = std::move(d->reason);
                p->settled_ = true;
            }
            free_signal(d);
            return;
        }
        case signal_kind::answered: {
            auto* a = static_cast<answered_signal*>(s);
            if (pb->extra) pb->extra->held.take(a->key);
            if (pb->request.id == a->key.id && pb->request.caller == a->key.caller)
                pb->request.id = 0;
            free_signal(a);
            return;
        }
        case signal_kind::exit: {
            auto* e = static_cast<exit_signal*>(s);
            receive_exit(pb, e->from, std::move(e->reason), e->by_link);
            free_signal(e);
            return;
        }
        case signal_kind::link:
            receive_link(pb, static_cast<link_signal*>(s));
            return;
        case signal_kind::unlink:
            receive_unlink(pb, static_cast<link_signal*>(s));
            return;
        case signal_kind::unlink_ack:
            receive_unlink_ack(pb, static_cast<link_signal*>(s));
            return;
        case signal_kind::monitor: {
            auto* m = static_cast<monitor_signal*>(s);
            if (!m->monitor.is_local()) {
                *pb->more().watched_from_afar.insert(m->monitor).first = {m->from, m->by_name};
                free_signal(m);
                return;
            }
            watcher& w = *pb->watched_by.insert(id_of(m->monitor)).first;
            w.pid = m->from;
            w.alias = is_alias(m->monitor);
            free_signal(m);
            return;
        }
        case signal_kind::demonitor: {
            auto* m = static_cast<monitor_signal*>(s);
            if (!m->monitor.is_local()) {
                if (pb->extra) pb->extra->watched_from_afar.take(m->monitor);
                free_signal(m);
                return;
            }
            pb->watched_by.take(id_of(m->monitor));
            free_signal(m);
            return;
        }
        case signal_kind::down:
            receive_down(pb, s);
            return;
        case signal_kind::wake:
            // One that was cancelled too late may still arrive: it must not hide the one awaited.
            if (pb->awaited_timer == static_cast<wake_signal*>(s)->timer) pb->awaited_timer = 0;
            free_signal(static_cast<wake_signal*>(s));
            return;
        case signal_kind::system: {
            auto* c = static_cast<system_signal*>(s);
            c->code(pb);
            free_signal(c);
            return;
        }
    }
}

}  // namespace

void append_message(process_block* pb, signal* s) {
    if (pb->bounded.load(std::memory_order_relaxed) && is_message(s->kind) &&
        s->type != descriptor_of<exit_message>() && s->type != descriptor_of<down_message>())
        add_bounded(pb, s);
    else
        add(pb, s);
}

void handle_signals(process_block* pb) {
    const taken_signals taken = take_counted(pb);
    signal* s = taken.first;
    if (!s) return;
    const bool bounded = pb->bounded.load(std::memory_order_relaxed);
    if (taken.only_messages && !bounded) {
        *pb->mailbox_end = s;
        pb->mailbox_end = &taken.last->next;
        add_to(pb->queue_len, taken.count);
        add_to(pb->message_bytes, taken.bytes);
        watch_length(pb);
        return;
    }
    while (s) {
        signal* next = s->next;
        if (next && next->kind == signal_kind::down && pb->extra)
            pb->extra->watching.fetch_ahead(
                id_of(static_cast<const down_message*>(next->payload())->monitor));
        if (s->kind == signal_kind::message && !bounded)
            add(pb, s);
        else
            handle_signal(pb, s);
        s = next;
        if (pb->exit_pending) {
            pb->staged = s;  // what is left is answered by finish()
            return;
        }
    }
    watch_length(pb);
}

void receive_exit(process_block* pb, const beam::pid& from, term reason, bool by_link) {
    if (by_link) {
        link_state* state = pb->links.find(from);
        if (!state) return;
        const bool active = state->unlinking == 0;
        pb->links.take(from);
        if (!active) return;
    } else if (reason == atoms::kill) {
        if (!pb->exit_pending) pb->exit_reason = atoms::killed;
        pb->exit_pending = true;
        return;
    }
    if (pb->trap_exit) {
        append_message(pb, message::make(exit_message{from, std::move(reason)}).release());
        return;
    }
    if (reason == atoms::normal && (by_link || from != pb->pid())) return;
    if (pb->exit_pending) return;
    pb->exit_pending = true;
    pb->exit_reason = std::move(reason);
}

signal* make_down(const ref& monitor, term reason) {
    signal* s = message::make(down_message{monitor, {}, std::move(reason), {}}).release();
    s->kind = signal_kind::down;
    return s;
}

signal* take_message_at(process_block* pb, signal** at) {
    signal* s = *at;
    *at = s->next;
    if (pb->mailbox_end == &s->next) pb->mailbox_end = at;
    if (pb->extra) {
        if (pb->extra->mark == &s->next) pb->extra->mark = at;
        if (pb->extra->long_queue_reported) watch_length(pb);
    }
    s->next = nullptr;
    add_to(pb->queue_len, 0u - 1);
    add_to(pb->message_bytes, 0u - s->bytes);
    pb->handling.store(s->type, std::memory_order_relaxed);
    return s;
}

signal* take_first_message(process_block* pb) {
    return pb->mailbox ? take_message_at(pb, &pb->mailbox) : nullptr;
}

void discard(signal* s) noexcept {
    switch (s->kind) {
        case signal_kind::message:
        case signal_kind::alias_message:
        case signal_kind::request:
        case signal_kind::reply:
        case signal_kind::down:
            destroy_message(s);
            return;
        case signal_kind::request_down:
            free_signal(static_cast<request_down_signal*>(s));
            return;
        case signal_kind::answered:
            free_signal(static_cast<answered_signal*>(s));
            return;
        case signal_kind::exit:
            free_signal(static_cast<exit_signal*>(s));
            return;
        case signal_kind::link:
        case signal_kind::unlink:
        case signal_kind::unlink_ack:
            free_signal(static_cast<link_signal*>(s));
            return;
        case signal_kind::monitor:
        case signal_kind::demonitor:
            free_signal(static_cast<monitor_signal*>(s));
            return;
        case signal_kind::wake:
            free_signal(static_cast<wake_signal*>(s));
            return;
        case signal_kind::system:
            free_signal(static_cast<system_signal*>(s));
            return;
    }
}

}  // namespace beam::detail
