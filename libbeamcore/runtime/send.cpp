#include "libbeamcore/runtime/send.hpp"

#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "libbeamcore/runtime/name.hpp"

namespace beam {

using namespace detail;

std::optional<pid> server_ref::resolve() const {
    if (!named_) return pid_;
    if (remote_ && node_ != atom("nonode@nohost")) return std::nullopt;
    return whereis(name_);
}

term server_ref::to_term() const {
    if (!named_) return pid_;
    if (remote_) return tuple(name_, node_);
    return name_;
}

namespace detail {

void send_message(pid to, signal* s) noexcept {
    if (!current()->node->deliver(to, s)) destroy_message(s);
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
    runtime_impl& node = *current()->node;
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
