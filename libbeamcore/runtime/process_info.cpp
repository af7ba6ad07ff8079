#include "libbeamcore/runtime/process_info.hpp"

#include <algorithm>

#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

namespace beam {

using namespace detail;

namespace {

constexpr std::size_t messages_shown = 32;

/// Asks `p` to run `ask` in its own context and waits for what that gives; nothing if it is dead.
template <class T, class F>
awaitable<std::optional<T>> ask_process(pid p, F ask) {
    process_block* me = current();
    if (p == me->pid()) co_return std::optional<T>(ask(me));
    pending answer(p, infinity{}, "process_info");
    const from to = answer.begin_answer();
    auto* s = make_signal<system_signal>(signal_kind::system);
    runtime_impl& node = *me->node;
    s->code = [to, ask = std::move(ask), &node](process_block* pb) mutable {
        std::optional<T> value;
        if (pb) value.emplace(ask(pb));
        auto* r = allocate_reply(descriptor_of<std::optional<T>>());
        ::new (r->payload()) std::optional<T>(std::move(value));
        static_cast<reply_signal*>(r)->id = std::uint64_t(to.tag.words[1]) << 32 | to.tag.words[0];
        if (!node.deliver(to.to, r)) destroy_message(r);
    };
    if (!node.deliver(p, s)) {
        free_signal(s);
        co_return std::nullopt;
    }
    struct wait_for {
        pending* p;
        bool await_ready() { return p->await_ready(); }
        void await_suspend(std::coroutine_handle<> h) noexcept { p->await_suspend(h); }
        void await_resume() const noexcept {}
    };
    wait_for w{&answer};
    co_await w;
    auto m = answer.finish();
    if (!m) co_return std::nullopt;
    co_return m->template take<std::optional<T>>();
}

std::uint64_t memory_of(const process_block* pb) {
    return sizeof(process_block) + pb->message_bytes.load(std::memory_order_relaxed);
}

beam::pid parent_of(const process_block* pb) {
    const std::uint64_t parent = pb->parent.load(std::memory_order_relaxed);
    return {std::uint32_t(parent & ~process_block::end_watched), std::uint32_t(parent >> 32), 0};
}

process_summary summary_of(const runtime_impl& node, const process_block* pb, const pid& p) {
    process_summary s;
    s.pid = p;
    s.status = pb->status.load(std::memory_order_relaxed);
    s.registered_name = node.names.name_of(p);
    s.label = node.labels.of(p);
    s.initial_call = atom::at(pb->initial_call.load(std::memory_order_relaxed)).name();
    s.message_queue_len = pb->queue_len.load(std::memory_order_relaxed);
    s.message_bytes = pb->message_bytes.load(std::memory_order_relaxed);
    s.reductions = pb->reductions.load(std::memory_order_relaxed);
    s.memory = memory_of(pb);
    s.priority = priority(pb->prio.load(std::memory_order_relaxed));
    s.parent = parent_of(pb);
    return s;
}

// Only in a process: unloading a module waits until whoever runs now has given way.
std::string doing_of(const process_block* pb) {
    const type_descriptor* d = pb->handling.load(std::memory_order_relaxed);
    return d ? d->name : "";
}

// Every suspended coroutine begins with the address at which it goes on. Those in between are not shown: who
// awaits a coroutine stands in its promise, and that may be of a type of the user's.
std::vector<const void*> stack_of(const process_block* pb) {
    std::vector<const void*> stack;
    if (!pb->root || !pb->resume) return stack;
    stack.push_back(*static_cast<void* const*>(pb->resume.address()));
    if (pb->resume != pb->root) stack.push_back(*static_cast<void* const*>(pb->root.address()));
    return stack;
}

process_details details_of(process_block* pb, bool by_itself) {
    process_details d;
    d.summary = summary_of(*pb->node, pb, pb->pid());
    d.summary.doing = doing_of(pb);
    d.trap_exit = pb->trap_exit;
    d.is_behaviour = pb->body && pb->body->answers_system_requests();
    if (pb->extra && pb->extra->suspended > 0)
        d.summary.status = process_status::suspended;
    else if (!by_itself)  // it runs only to answer this
        d.summary.status =
            pb->wait || pb->body ? process_status::waiting : process_status::runnable;
    pb->links.for_each([&](const pid& p, link_state& l) {
        if (l.unlinking == 0) d.links.push_back(p);
    });
    std::sort(d.links.begin(), d.links.end());
    for (signal* s = pb->mailbox; s && d.messages.size() < messages_shown; s = s->next) {
        message m(s);
        d.messages.push_back(m.to_term());
        (void)m.release();
    }
    if (!by_itself) d.stack = stack_of(pb);
    pb->watched_by.for_each([&](std::uint64_t, watcher& w) { d.monitored_by.push_back(w.pid); });
    if (!pb->extra) return d;
    pb->extra->watching.for_each(
        [&](std::uint64_t, watch& w) { d.monitors.push_back(w.object()); });
    d.group_leader = pb->extra->group_leader;
    d.dictionary = pb->extra->dictionary;
    return d;
}

}  // namespace

std::vector<pid> processes() {
    return current()->node->outer->processes();
}

std::optional<process_summary> process_info(pid target) {
    const runtime_impl& node = *current()->node;
    const process_block* pb = node.find(target);
    if (!pb) return {};
    auto s = summary_of(node, pb, target);
    s.doing = doing_of(pb);
    if (!node.find(target)) return {};  // died meanwhile: what was read may be a successor's
    return s;
}

bool process_walk::next(std::vector<process_counters>& found, std::uint32_t places) {
    const runtime_impl& node = *current()->node;
    const process_table& table = node.processes;
    const std::uint32_t end = table.end();
    if (at_ >= end) return false;
    const std::uint32_t stop = end - at_ > places ? at_ + places : end;
    for (; at_ < stop; ++at_) {
        const process_block* pb = table.find(at_);
        if (!pb) continue;
        process_counters c;
        c.pid = {at_, pb->serial.load(std::memory_order_relaxed), 0};
        if (!node.find(c.pid)) continue;
        c.parent = parent_of(pb);
        c.reductions = pb->reductions.load(std::memory_order_relaxed);
        c.memory = memory_of(pb);
        c.message_queue_len = pb->queue_len.load(std::memory_order_relaxed);
        if (node.find(c.pid)) found.push_back(c);
    }
    return true;
}

std::vector<pid> runtime::processes() const {
    std::vector<pid> result;
    const process_table& table = impl_->processes;
    for (std::uint32_t id = 1; id < table.end(); ++id) {
        const process_block* pb = table.find(id);
        if (!pb) continue;
        const std::uint32_t serial = pb->serial.load(std::memory_order_relaxed);
        const pid p{id, serial, 0};
        if (impl_->find(p)) result.push_back(p);
    }
    return result;
}

std::optional<process_summary> runtime::process_info(pid p) const {
    const process_block* pb = impl_->find(p);
    if (!pb) return {};
    auto s = summary_of(*impl_, pb, p);
    if (!impl_->find(p)) return {};  // died meanwhile: what was read may be a successor's
    return s;
}

awaitable<bool> is_alive(pid target) {
    auto alive =
        co_await ask_process<bool>(target, [](process_block* pb) { return !pb->exit_pending; });
    co_return alive.value_or(false);
}

awaitable<std::optional<process_details>> process_info_details(pid target) {
    const bool by_itself = target == current()->pid();
    return ask_process<process_details>(
        target, [by_itself](process_block* pb) { return details_of(pb, by_itself); });
}

void set_label(term label) {
    process_block* me = current();
    me->more().labelled = label != atoms::undefined;
    if (me->extra->labelled)
        me->node->labels.set(me->pid(), std::move(label));
    else
        me->node->labels.forget(me->pid());
}

awaitable<bool> suspend_process(pid target) {
    auto done = co_await ask_process<bool>(target, [](process_block* pb) {
        ++pb->more().suspended;
        return true;
    });
    co_return done.value_or(false);
}

awaitable<bool> resume_process(pid target) {
    auto done = co_await ask_process<bool>(target, [](process_block* pb) {
        if (pb->extra && pb->extra->suspended > 0) --pb->extra->suspended;
        return true;
    });
    co_return done.value_or(false);
}

namespace process_dictionary {

namespace {
auto find_entry(process_extra& x, const term& key) {
    return std::find_if(x.dictionary.begin(), x.dictionary.end(),
                        [&](const auto& e) { return e.first == key; });
}
}  // namespace

term put(term key, term value) {
    process_extra& x = current()->more();
    auto it = find_entry(x, key);
    if (it != x.dictionary.end()) return std::exchange(it->second, std::move(value));
    x.dictionary.emplace_back(std::move(key), std::move(value));
    return atoms::undefined;
}

term get(const term& key) {
    process_extra* x = current()->extra;
    if (!x) return atoms::undefined;
    auto it = find_entry(*x, key);
    return it == x->dictionary.end() ? term(atoms::undefined) : it->second;
}

term erase(const term& key) {
    process_extra* x = current()->extra;
    if (!x) return atoms::undefined;
    auto it = find_entry(*x, key);
    if (it == x->dictionary.end()) return atoms::undefined;
    term old = std::move(it->second);
    x->dictionary.erase(it);
    return old;
}

std::vector<std::pair<term, term>> all() {
    process_extra* x = current()->extra;
    return x ? x->dictionary : std::vector<std::pair<term, term>>();
}

}  // namespace process_dictionary

beam::priority set_priority(beam::priority p) {
    return beam::priority(current()->prio.exchange(std::uint8_t(p), std::memory_order_relaxed));
}

pid group_leader() {
    process_extra* x = current()->extra;
    return x ? x->group_leader : pid{};
}

void set_group_leader(pid leader) {
    current()->more().group_leader = leader;
}

}  // namespace beam
