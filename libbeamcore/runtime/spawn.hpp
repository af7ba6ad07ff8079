// Spawning processes (erlang:spawn, spawn_link, spawn_monitor, spawn_opt).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam {

enum class priority : std::uint8_t { low, normal, high, max };

/// What a full bounded mailbox does with a message. Exits, downs and system signals always pass.
enum class overflow : std::uint8_t {
    reject,       ///< the sender is told: try_send fails, a call exits with `mailbox_full`
    drop_newest,  ///< the arriving message is dropped; a dropped call exits with `mailbox_full`
    drop_oldest,  ///< the oldest waiting message is dropped, likewise
};

/// How to spawn (spawn_opt/4).
struct spawn_options {
    bool link = false;     ///< to the spawning process, before the child runs
    bool monitor = false;  ///< by the spawning process; the reference is in spawned::monitor
    beam::priority priority = beam::priority::normal;
    std::uint32_t mailbox_max = 0;  ///< messages that may wait; 0 = no bound
    beam::overflow overflow = beam::overflow::reject;
    /// Bytes of messages that may wait before the process is killed (max_heap_size with kill); 0 = any.
    std::uint64_t message_bytes_max = 0;
    /// A name to register before the child runs. Taken: spawn gives no pid (spawned::pid is false).
    std::optional<atom> name{};
};

/// What spawn_opt gives: the pid, and the monitor's reference if one was asked for.
struct spawned {
    beam::pid pid;
    ref monitor;
};

namespace detail {

BEAM_EXPORT process_block* spawn_begin(const spawn_options& options, runtime* node);
BEAM_EXPORT void spawn_abandon(process_block* pb) noexcept;
BEAM_EXPORT spawned spawn_commit(process_block* pb, process::handle code, module_record* module,
                                 std::uint32_t label, const spawn_options& options);
/// The same for a behaviour's body. `waits`: it has nothing to do before its first message, so it need not
/// be run before.
BEAM_EXPORT spawned spawn_commit(process_block* pb, std::unique_ptr<process_body> body,
                                 module_record* module, std::uint32_t label,
                                 const spawn_options& options, bool waits = false);
/// An atom's index for `F = ...` of a template's __PRETTY_FUNCTION__, or for other text as it is.
BEAM_EXPORT std::uint32_t intern_label(const char* text);
BEAM_EXPORT self self_of(process_block* pb);
/// Ends a process that was begun and never ran (its init failed): links and monitors are told `reason`.
BEAM_EXPORT void spawn_fail(process_block* pb, term reason) noexcept;

/// While it lives, code of the calling thread runs as the begun process `pb`: how a behaviour's init runs
/// inside its starter's turn, without a round trip. What the init throws is the starter's to catch (and to
/// give to spawn_fail).
class BEAM_EXPORT init_scope {
public:
    explicit init_scope(process_block* pb) noexcept;
    ~init_scope();
    init_scope(const init_scope&) = delete;
    init_scope& operator=(const init_scope&) = delete;

private:
    process_block* outer_;
};

template <class F, class... Args>
spawned spawn_in(runtime* node, const spawn_options& options, F code, Args... args) {
    static_assert(std::is_empty_v<F> || std::is_pointer_v<F>,
                  "a process's code is a function or a lambda that captures nothing: pass what it "
                  "needs as arguments, which are copied into the process");
    process_block* pb = spawn_begin(options, node);
    if (!pb) return {};
    struct guard {
        process_block* pb;
        ~guard() {
            if (pb) spawn_abandon(pb);
        }
    } on_throw{pb};
    process p = code(self_of(pb), std::move(args)...);
    on_throw.pb = nullptr;
    static const std::uint32_t label = intern_label(__PRETTY_FUNCTION__);
    return spawn_commit(pb, p.release(), this_module(), label, options);
}

}  // namespace detail

/// Starts `code(self, args...)` as a new process of the caller's node. Never fails; the child runs later.
template <class F, class... Args>
pid spawn(F code, Args... args) {
    return detail::spawn_in(nullptr, {}, std::move(code), std::move(args)...).pid;
}

/// spawn, and a link from the start: no death of the child is missed.
template <class F, class... Args>
pid spawn_link(F code, Args... args) {
    spawn_options o;
    o.link = true;
    return detail::spawn_in(nullptr, o, std::move(code), std::move(args)...).pid;
}

/// spawn, and a monitor from the start: its down_message has the child's true reason.
template <class F, class... Args>
spawned spawn_monitor(F code, Args... args) {
    spawn_options o;
    o.monitor = true;
    return detail::spawn_in(nullptr, o, std::move(code), std::move(args)...);
}

template <class F, class... Args>
spawned spawn_opt(const spawn_options& options, F code, Args... args) {
    return detail::spawn_in(nullptr, options, std::move(code), std::move(args)...);
}

/// Starts a process with a behaviour's body. `label` is shown by observers until the body says better.
BEAM_EXPORT spawned spawn_body(std::unique_ptr<process_body> body,
                               const spawn_options& options = {}, const char* label = "");

namespace detail {
BEAM_EXPORT spawned spawn_body_for(module_record* module, runtime* node,
                                   std::unique_ptr<process_body> body, const spawn_options& options,
                                   const char* label);
/// Ends the caller's current body and goes on with new code in the same process (see enter).
BEAM_EXPORT void replace_code(process_block* pb, process::handle code, module_record* module,
                              std::uint32_t label);

template <auto Code, class... Args>
struct enter_awaiter {
    process_block* pb;
    process next;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) noexcept {
        static const std::uint32_t label = intern_label(__PRETTY_FUNCTION__);
        replace_code(pb, next.release(), this_module(), label);
    }
    [[noreturn]] void await_resume() const noexcept { __builtin_unreachable(); }
};

BEAM_EXPORT void hibernate_until_message(process_block* pb);
}  // namespace detail

/// Goes on with `Code(self, args...)` in the same process and never comes back: `co_await
/// beam::enter<loop>(state)`. The caller's frame is destroyed. A process that loops by entering takes new
/// code at each turn, as a fully qualified call does in Erlang.
template <auto Code, class... Args>
[[nodiscard]] auto enter(Args... args) {
    detail::process_block* pb = detail::current();
    return detail::enter_awaiter<Code, Args...>{pb, Code(self(pb), std::move(args)...)};
}

/// enter, beginning when the next message is in the mailbox (proc_lib:hibernate/3).
template <auto Code, class... Args>
[[nodiscard]] auto hibernate(Args... args) {
    detail::process_block* pb = detail::current();
    detail::hibernate_until_message(pb);
    return detail::enter_awaiter<Code, Args...>{pb, Code(self(pb), std::move(args)...)};
}

}  // namespace beam
