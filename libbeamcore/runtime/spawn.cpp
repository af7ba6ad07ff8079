#include "libbeamcore/runtime/spawn.hpp"

#include <atomic>
#include <cstring>
#include <string_view>

#include "libbeamcore/base/symbol.hpp"
#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"

namespace beam {

namespace detail {

std::uint32_t intern_initial_call(const char* text) {
    std::string_view t(text);
    if (auto at = t.find("F = "); at != std::string_view::npos) {
        t.remove_prefix(at + 4);
        t = t.substr(0, t.find_first_of(";]"));
    }
    if (t.size() > 200) t = t.substr(0, 200);
    const auto a = try_atom(t);
    return a ? a->index() : 0;
}

std::uint32_t intern_function(const void* code) {
    std::string name = symbol_of(code);
    if (name.size() > 200) name.resize(200);
    const auto a = try_atom(name);
    return a ? a->index() : 0;
}

self self_of(process_block* pb) {
    return self(pb);
}

process_block* spawn_begin(const spawn_options& options, runtime* outer) {
    process_block* parent = current_or_null();
    if (outer && parent && parent->node->outer != outer) parent = nullptr;
    if (!outer) outer = current()->node->outer;
    runtime_impl& node = outer->impl();
    process_block* pb = options.at ? node.take_block_at(*options.at) : node.take_block();
    if (!pb) {
        if (!parent || options.at) return nullptr;
        raise(atom("system_limit"));
    }
    pb->node = &node;
    pb->prio.store(std::uint8_t(options.priority), std::memory_order_relaxed);
    pb->status.store(process_status::runnable, std::memory_order_relaxed);
    if (parent) {
        pb->parent.store(
            std::uint64_t(parent->serial.load(std::memory_order_relaxed)) << 32 | parent->id,
            std::memory_order_relaxed);
        if (parent->extra && parent->extra->group_leader)
            pb->more().group_leader = parent->extra->group_leader;
    }
    if (options.mailbox_max > 0 || options.message_bytes_max > 0) {
        process_extra& x = pb->more();
        x.mailbox_max = options.mailbox_max;
        x.policy = options.overflow;
        x.message_bytes_max = options.message_bytes_max;
        pb->bounded.store(true, std::memory_order_relaxed);
        if (options.overflow == overflow::reject)
            pb->reject_at.store(options.mailbox_max, std::memory_order_relaxed);
    }
    pb->inbox.store(pb->tag() | process_block::empty, std::memory_order_release);
    if (options.name) {
        if (*options.name == atoms::undefined ||
            node.names.add(*options.name, pb->pid()) != name_table::outcome::ok) {
            spawn_abandon(pb);
            return nullptr;
        }
        pb->more().name = options.name;
    }
    if (options.link && parent) {
        pb->links.insert(parent->pid());
        parent->links.insert(pb->pid());
    }
    return pb;
}

void spawn_abandon(process_block* pb) noexcept {
    if (process_block* parent = current_or_null()) parent->links.take(pb->pid());
    pb->node->finish(pb, atoms::normal);
}

void spawn_fail(process_block* pb, term reason) noexcept {
    pb->node->finish(pb, std::move(reason));
}

namespace {

bool begins_to_wait(process_block* pb) {
    if (pb->exit_pending) return false;
    pb->status.store(process_status::waiting, std::memory_order_relaxed);
    std::uint64_t expected = pb->tag() | process_block::empty;
    return pb->inbox.compare_exchange_strong(expected, pb->tag() | process_block::waiting,
                                             std::memory_order_release, std::memory_order_relaxed);
}

spawned begin_running(process_block* pb, module_record* module, std::uint32_t initial_call,
                      const spawn_options& options, bool waits = false) {
    retain_module(module);
    pb->module = module;
    pb->initial_call.store(initial_call, std::memory_order_relaxed);
    spawned result{pb->pid(), {}};
    if (options.monitor) {
        if (process_block* parent = current_or_null(); parent && parent != pb) {
            const std::uint64_t id = pb->node->unique();
            result.monitor = ref_of(id);
            pb->watched_by.insert(id).first->pid = parent->pid();
            parent->more().watching.insert(id).first->target = result.pid;
        }
    }
    if (!waits || !begins_to_wait(pb)) pb->node->schedule(pb);
    return result;
}

}  // namespace

spawned spawn_commit(process_block* pb, process::handle code, module_record* module,
                     std::uint32_t initial_call, const spawn_options& options) {
    code.promise().block = pb;
    pb->root = code;
    pb->resume = code;
    return begin_running(pb, module, initial_call, options);
}

spawned spawn_commit(process_block* pb, std::unique_ptr<process_body> body, module_record* module,
                     std::uint32_t initial_call, const spawn_options& options, bool waits) {
    pb->body = body.release();
    return begin_running(pb, module, initial_call, options, waits);
}

spawned spawn_body_for(module_record* module, runtime* node, std::unique_ptr<process_body> body,
                       const spawn_options& options, const char* initial_call) {
    process_block* pb = spawn_begin(options, node);
    if (!pb) return {};
    return spawn_commit(pb, std::move(body), module, intern_initial_call(initial_call), options);
}

init_scope::init_scope(process_block* pb) noexcept : outer_(current_or_null()) {
    set_current(pb);
}
init_scope::~init_scope() {
    set_current(outer_);
}

namespace {
std::atomic<entry_finder> find_entry{nullptr};
}  // namespace

void set_entry_finder(entry_finder find) noexcept {
    find_entry.store(find, std::memory_order_release);
}

std::optional<next_code> newer_code(process_block* pb, const module_record* caller, atom name,
                                    term (*arguments)(const void*), const void* kept) {
    const entry_finder find = find_entry.load(std::memory_order_acquire);
    if (!find) return std::nullopt;
    const entry_point found = find(*pb->node->outer, caller, name);
    if (!found.module) return std::nullopt;
    try {
        const term list = arguments(kept);
        return next_code{found.make(self(pb), list), found.module, true};
    } catch (...) {
        release_module(found.module);
        throw;
    }
}

atom entry_atom(const char* pretty_function) {
    std::string_view name(pretty_function);
    if (auto at = name.find("Code = "); at != std::string_view::npos) name.remove_prefix(at + 7);
    name = name.substr(0, name.find_first_of(";]"));
    if (auto at = name.rfind("::"); at != std::string_view::npos) name.remove_prefix(at + 2);
    if (name.starts_with('&')) name.remove_prefix(1);
    return atom(name);
}

void replace_code(process_block* pb, next_code next, std::uint32_t initial_call) {
    // The old frame is suspended at its co_await; nothing of it runs again but its destructors.
    const process::handle code = next.code.release();
    std::coroutine_handle<> old = std::exchange(pb->root, code);
    if (!next.retained) retain_module(next.module);
    module_record* old_module = std::exchange(pb->module, next.module);
    code.promise().block = pb;
    pb->resume = code;
    pb->next_action = action::enter;
    pb->initial_call.store(initial_call, std::memory_order_relaxed);
    old.destroy();
    release_module(old_module);
}

void hibernate_until_message(process_block* pb) {
    static waiter until_message = [] {
        waiter w;
        w.ready = [](waiter*, process_block* p) { return p->mailbox != nullptr; };
        return w;
    }();
    pb->wait = &until_message;
}

}  // namespace detail

spawned spawn_body(std::unique_ptr<process_body> body, const spawn_options& options,
                   const char* initial_call) {
    return detail::spawn_body_for(nullptr, nullptr, std::move(body), options, initial_call);
}

}  // namespace beam
