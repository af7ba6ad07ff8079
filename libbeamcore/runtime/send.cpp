#include "libbeamcore/runtime/send.hpp"

#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace beam {

using namespace detail;

std::optional<pid> server_ref::resolve_name() const {
    if (remote_ && node_ != current()->node->name()) return std::nullopt;
    return whereis(name_);
}

term server_ref::to_term() const {
    if (!named_) return pid_;
    if (remote_) return tuple(name_, node_);
    return name_;
}

namespace detail {

namespace {

// A sender that outruns its receiver is charged for it, so that the receiver gets its turn while what waits
// for it is still in the cache. Old BEAMs did so. (fan_in: 110 ns a message without, 60 with.)
constexpr std::uint32_t long_queue = 1000;
constexpr std::int32_t cost_of_long_queue = 15;

/// False: `to` is dead, and the signal still the caller's.
inline bool push_message(process_block* me, process_block* pb, const pid& to, signal* s) noexcept {
    const push_result r = push_signal(pb, to.serial, s);
    if (r == push_result::dead) return false;
    if (r == push_result::woken)
        me->node->schedule_woken(pb);
    else if (pb->queue_len.load(std::memory_order_relaxed) > long_queue)
        me->reductions_left -= cost_of_long_queue;
    return true;
}

inline process_block* find_local(const runtime_impl& node, const pid& p) noexcept {
    return p.is_local() ? node.processes.find(p.id) : nullptr;
}

}  // namespace

void send_message(pid to, signal* s) noexcept {
    process_block* me = running_process();
    process_block* pb = find_local(*me->node, to);
    if (pb && push_message(me, pb, to, s)) return;
    if (to.is_local() || !me->node->carry(to, s)) destroy_message(s);
}

namespace {

// `wrap`: as gen_server:cast does, for a server of another node.
void send_afar(process_block* me, const server_ref& to, signal* s, bool wrap) {
    if (carrier* c = me->node->remote.load(std::memory_order_acquire)) {
        term value = value_of(s);
        c->message(me->pid(), to, wrap ? tuple(atoms::gen_cast, std::move(value)) : value);
    }
    destroy_message(s);
}

}  // namespace

void send_message(const server_ref& to, signal* s) {
    if (const pid p = to.resolve_or_none()) {
        send_message(p, s);
        return;
    }
    if (to.node()) return send_afar(running_process(), to, s, false);
    destroy_message(s);
    raise(atoms::badarg);
}

namespace {

enum class sending { done, noproc, mailbox_full };

inline bool is_afar(const pid& p, const server_ref& to) {
    return !p.is_local() || (!p && to.node());
}

inline sending push_to(const pid& p, signal* s) {
    process_block* me = running_process();
    process_block* pb = find_local(*me->node, p);
    const bool full = pb && me->node->refuses(pb);
    if (pb && !full && push_message(me, pb, p, s)) return sending::done;
    destroy_message(s);
    if (!full) return sending::noproc;
    me->node->messages_dropped.fetch_add(1, std::memory_order_relaxed);
    return sending::mailbox_full;
}

}  // namespace

result<void> try_send_message(const server_ref& to, signal* s) {
    const pid p = to.resolve_or_none();
    if (is_afar(p, to)) {
        send_afar(running_process(), to, s, false);
        return {};
    }
    switch (push_to(p, s)) {
        case sending::done:
            return {};
        case sending::noproc:
            return fail("noproc");
        case sending::mailbox_full:
            break;
    }
    return fail("mailbox_full");
}

void cast_message(const server_ref& to, signal* s) {
    const pid p = to.resolve_or_none();
    if (is_afar(p, to)) [[unlikely]]
        return send_afar(running_process(), to, s, true);
    (void)push_to(p, s);
}

}  // namespace detail

}  // namespace beam
