#include "libbeamcore/runtime/detail/code_use.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"
#include "libbeamcore/runtime/internal/worker.hpp"

namespace beam::detail {

namespace {

// Every message has room for a term, so it can become one where it lies: receives keep pointers to the
// places between messages.
static_assert(slab::size_of(slab::class_of(sizeof(signal) + 1)) >= sizeof(signal) + sizeof(term));

/// The descriptor of values that were of a type of that name, in a module that may be gone.
const type_descriptor* orphan_descriptor(const char* name) {
    static std::mutex mutex;
    // Never freed: messages may be anywhere until the process ends.
    static auto* known = new std::unordered_map<std::string, std::unique_ptr<type_descriptor>>;
    std::lock_guard lock(mutex);
    auto& made = (*known)[name];
    if (made) return made.get();
    made = std::make_unique<type_descriptor>(*descriptor_of<term>());
    made->name = known->find(name)->first.c_str();
    made->fingerprint = 0;
    made->to_term = [](const void* object) { return *static_cast<const term*>(object); };
    made->from_term = nullptr;
    return made.get();
}

bool has_guest(const process_block* pb, const module_record* module) {
    if (!pb->extra) return false;
    const auto& guests = pb->extra->guests;
    return std::find(guests.begin(), guests.end(), module) != guests.end();
}

// One look through a node: filled by many processes at once.
struct search {
    const module_record* module;
    code_range range;
    bool force;
    runtime_impl& node;
    from asker;
    std::mutex mutex;
    code_use found;
    std::atomic<std::size_t> left{0};

    search(const module_record* m, code_range r, bool f, runtime_impl& n)
        : module(m), range(r), force(f), node(n) {}

    /// True if `s` is no longer of the module.
    bool convert(signal* s) {
        if (!s->type || !range.contains(s->type)) return true;
        const bool lost = !s->type->to_term;
        if (lost && !force) return false;
        const type_descriptor* orphan = orphan_descriptor(s->type->name);
        term value = lost ? tuple(atom("opaque"), std::string_view(orphan->name))
                          : s->type->to_term(s->payload());
        s->type->destroy(s->payload());
        ::new (s->payload()) term(std::move(value));
        s->type = orphan;
        std::lock_guard lock(mutex);
        ++(lost ? found.dropped : found.converted);
        if (lost) found.dropped_types.emplace_back(orphan->name);
        return true;
    }

    void look_at(process_block* pb) {
        const type_descriptor* handling = pb->handling.load(std::memory_order_relaxed);
        if (range.contains(handling)) pb->handling.store(nullptr, std::memory_order_relaxed);
        bool holds = false;
        for (signal* s = pb->mailbox; s; s = s->next) holds |= !convert(s);
        for (pending* p = pb->requests; p; p = p->next_)
            if (p->found) holds |= !convert(p->found);
        const bool runs = pb->module == module || has_guest(pb, module);
        if (!holds && !runs) return;
        std::lock_guard lock(mutex);
        if (runs) found.processes.push_back(pb->pid());
        if (holds) found.mailboxes.push_back(pb->pid());
    }

    void done() {
        if (left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        signal* r = allocate_reply(descriptor_of<unit>());
        ::new (r->payload()) unit();
        static_cast<reply_signal*>(r)->id = id_of(asker.tag);
        if (!node.deliver(asker.to, r)) destroy_message(r);
    }

    void look_at(timer_slot* t) {
        const std::uint64_t state = t->state.load(std::memory_order_acquire);
        if ((state & 3) != timer_slot::armed ||
            !range.contains(t->type.load(std::memory_order_relaxed)))
            return;
        const std::uint64_t id = state >> 2;
        // Until it is armed again somebody who cancels it is told that it has fired.
        if (!t->claim(id, timer_slot::fired)) return;
        signal* s = t->take_message();
        const bool holds = !convert(s);
        timer_content same;
        same.message = s;
        same.wrapped = t->wrapped;
        t->put(same);
        const pid target = t->target_pid();
        t->state.store(state, std::memory_order_release);
        if (!holds) return;
        std::lock_guard lock(mutex);
        found.timers.push_back(target);
    }

    void look_at(scheduler& s) {
        constexpr std::uint32_t at_once = 1024;
        for (std::uint32_t first = 0; s.timers.find(first); first += at_once) {
            worker* w = node.stepper ? node.stepper.get() : current_worker();
            const bool mine = w && w->sched == &s && s.lock.lock_owner(w->seat);
            if (!mine) s.lock.lock_other();
            for (std::uint32_t i = first; i < first + at_once; ++i)
                if (timer_slot* t = s.timers.find(i)) look_at(t);
            mine ? s.lock.unlock_owner(w->seat) : s.lock.unlock_other();
        }
    }
};

struct settled {
    pending* p;
    bool await_ready() { return p->await_ready(); }
    void await_suspend(std::coroutine_handle<> h) noexcept { p->await_suspend(h); }
    void await_resume() const noexcept {}
};

void ask_all(const std::shared_ptr<search>& s, pid asker) {
    runtime_impl& node = s->node;
    const std::vector<pid> all = node.outer->processes();
    s->left.store(all.size() + 1, std::memory_order_relaxed);
    for (const pid& p : all) {
        if (p == asker) {
            handle_signals(current());  // what has come and was not yet looked at
            s->look_at(current());
            s->done();
            continue;
        }
        auto* ask = make_signal<system_signal>(signal_kind::system);
        ask->code = [s](process_block* pb) {
            if (pb) s->look_at(pb);
            s->done();
        };
        if (node.deliver(p, ask)) continue;
        free_signal(ask);
        s->done();
    }
    for (auto& scheduler : node.schedulers) s->look_at(*scheduler);
    s->done();
}

}  // namespace

awaitable<code_use> find_code_use(const module_record* module, code_range range, bool force) {
    process_block* me = current();
    auto s = std::make_shared<search>(module, range, force, *me->node);
    pending answer(me->pid(), infinity{}, "find_code_use");
    s->asker = answer.begin_answer();
    ask_all(s, me->pid());
    settled w{&answer};
    co_await w;
    (void)answer.finish();
    co_return std::move(s->found);
}

awaitable<void> pass_all_schedulers() {
    process_block* me = current();
    runtime_impl& node = *me->node;
    std::vector<std::pair<worker*, std::uint64_t>> busy;
    auto look = [&](bool first) {
        std::lock_guard lock(node.workers_mutex);
        if (first) {
            for (auto& w : node.workers) {
                const std::uint64_t turn = w->turn.load(std::memory_order_acquire);
                if (turn % 2 == 1 && w.get() != current_worker()) busy.emplace_back(w.get(), turn);
            }
            return;
        }
        std::erase_if(busy, [&](const auto& b) {
            for (auto& w : node.workers)
                if (w.get() == b.first) return w->turn.load(std::memory_order_acquire) != b.second;
            return true;  // ended
        });
    };
    look(true);
    self s(me);
    while (!busy.empty()) {
        co_await s.sleep_for(std::chrono::milliseconds(1));
        look(false);
    }
}

void set_module(process_block* pb, module_record* module) noexcept {
    retain_module(module);
    release_module(std::exchange(pb->module, module));
}

void add_guest(module_record* module) {
    if (!module) return;
    current()->more().guests.push_back(module);
    retain_module(module);
}

void remove_guest(module_record* module) noexcept {
    if (!module) return;
    auto& guests = current()->extra->guests;
    guests.erase(std::find(guests.begin(), guests.end(), module));
    release_module(module);
}

}  // namespace beam::detail
