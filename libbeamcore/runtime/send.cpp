#include "libbeamcore/runtime/send.hpp"

#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace beam {

using namespace detail;

std::optional<pid> server_ref::resolve_name() const {
    if (remote_ && node_ != atom("nonode@nohost")) return std::nullopt;
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

}  // namespace

void send_message(pid to, signal* s) noexcept {
    process_block* me = running_process();
    runtime_impl& node = *me->node;
    process_block* pb = to.node == 0 ? node.processes.find(to.id) : nullptr;
    if (!pb) {
        destroy_message(s);
        return;
    }
    const push_result r = push_signal(pb, to.serial, s);
    if (r == push_result::woken)
        node.schedule_woken(pb);
    else if (r == push_result::dead)
        destroy_message(s);
    else if (pb->queue_len.load(std::memory_order_relaxed) > long_queue)
        me->reductions_left -= cost_of_long_queue;
}

void send_message(const server_ref& to, signal* s) {
    const auto p = to.resolve();
    if (p) {
        send_message(*p, s);
        return;
    }
    destroy_message(s);
    if (!to.node()) raise(atoms::badarg);
}

result<void> try_send_message(const server_ref& to, signal* s) {
    runtime_impl& node = *running_process()->node;
    const auto p = to.resolve();
    if (!p) {
        destroy_message(s);
        return fail("noproc");
    }
    if (process_block* pb = p->is_local() ? node.processes.find(p->id) : nullptr;
        pb && node.refuses(pb)) {
        destroy_message(s);
        node.messages_dropped.fetch_add(1, std::memory_order_relaxed);
        return fail("mailbox_full");
    }
    if (node.deliver(*p, s)) return {};
    destroy_message(s);
    return fail("noproc");
}

}  // namespace detail

}  // namespace beam
