// Spawning processes (erlang:spawn, spawn_link, spawn_monitor, spawn_opt).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/detail/function_names.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/ref.hpp"
#include "libbeamcore/term/term.hpp"

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
    /// The pid that it is to have, below runtime_options::first_pid: how a runtime that takes over from
    /// another gives a process back under the name that others know. Taken: spawn gives no pid.
    std::optional<pid> at{};
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
                                 std::uint32_t initial_call, const spawn_options& options);
/// The same for a behaviour's body. `waits`: it has nothing to do before its first message, so it need not
/// be run before.
BEAM_EXPORT spawned spawn_commit(process_block* pb, std::unique_ptr<process_body> body,
                                 module_record* module, std::uint32_t initial_call,
                                 const spawn_options& options, bool waits = false);
/// An atom's index for `F = ...` of a template's __PRETTY_FUNCTION__, or for other text as it is.
BEAM_EXPORT std::uint32_t intern_initial_call(const char* text);
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

/// What a process is shown as that runs `code`.
template <class F>
std::uint32_t initial_call_of(const F& code) {
    if constexpr (std::is_pointer_v<F>)
        if (const std::uint32_t name = function_name(code); name != 0) [[likely]]
            return name;
    static const std::uint32_t by_type = intern_initial_call(__PRETTY_FUNCTION__);
    return by_type;
}

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
    return spawn_commit(pb, p.release(), this_module(), initial_call_of(code), options);
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

/// Starts a process with a behaviour's body. `initial_call` is shown by observers until the body says better.
BEAM_EXPORT spawned spawn_body(std::unique_ptr<process_body> body,
                               const spawn_options& options = {}, const char* initial_call = "");

namespace detail {
BEAM_EXPORT spawned spawn_body_for(module_record* module, runtime* node,
                                   std::unique_ptr<process_body> body, const spawn_options& options,
                                   const char* initial_call);

/// A coroutine function of a module, as other versions of the module reach it.
struct entry_point {
    process (*make)(self, const term& arguments) = nullptr;  // exits with badarg if they do not fit
    module_record* module = nullptr;
};
/// Finds the current version of an entry and retains its module; none: the caller's is current.
using entry_finder = entry_point (*)(runtime& node, const module_record* caller, atom name);
/// Whom to ask; the same for all runtimes (otp's module table).
BEAM_EXPORT void set_entry_finder(entry_finder find) noexcept;

/// Code that the caller's process goes on with (see enter).
struct next_code {
    process code;
    module_record* module = nullptr;
    bool retained = false;
};
BEAM_EXPORT std::optional<next_code> newer_code(process_block* pb, const module_record* caller,
                                                atom name, term (*arguments)(const void*),
                                                const void* kept);
/// The function's name without its namespaces, from a template's __PRETTY_FUNCTION__.
BEAM_EXPORT atom entry_atom(const char* pretty_function);
template <auto Code>
atom entry_name() {
    static const atom name = entry_atom(__PRETTY_FUNCTION__);
    return name;
}

/// Ends the caller's current body and goes on with other code in the same process.
BEAM_EXPORT void replace_code(process_block* pb, next_code next, std::uint32_t initial_call);

struct enter_awaiter {
    process_block* pb;
    next_code next;
    std::uint32_t initial_call;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) noexcept {
        replace_code(pb, std::move(next), initial_call);
    }
    [[noreturn]] void await_resume() const noexcept { __builtin_unreachable(); }
};

template <auto Code, class... Args>
enter_awaiter code_to_enter(Args... args) {
    process_block* pb = current();
    module_record* const mine = this_module();
    const atom name = entry_name<Code>();
    if constexpr ((encodable<Args> && ...)) {
        using kept = std::tuple<const Args&...>;
        const kept given(args...);
        const auto as_terms = [](const void* k) -> term {
            return std::apply(
                [](const auto&... a) { return list_of(std::vector<term>{beam::to_term(a)...}); },
                *static_cast<const kept*>(k));
        };
        if (mine)
            if (auto newer = newer_code(pb, mine, name, as_terms, &given))
                return {pb, *std::move(newer), name.index()};
    }
    return {pb, {Code(self(pb), std::move(args)...), mine, false}, name.index()};
}

BEAM_EXPORT void hibernate_until_message(process_block* pb);
}  // namespace detail

/// Goes on with `Code(self, args...)` in the same process and never comes back: `co_await
/// beam::enter<loop>(state)`. The caller's frame is destroyed. A process that loops by entering takes new
/// code at each turn, as a fully qualified call does in Erlang: where BEAM_APPLICATION lists `loop`, it is
/// the current version's that goes on, with the arguments taken over as terms. Exits the caller with
/// `badarg` if that one wants others.
template <auto Code, class... Args>
[[nodiscard]] detail::enter_awaiter enter(Args... args) {
    return detail::code_to_enter<Code>(std::move(args)...);
}

/// enter, beginning when the next message is in the mailbox (proc_lib:hibernate/3).
template <auto Code, class... Args>
[[nodiscard]] detail::enter_awaiter hibernate(Args... args) {
    detail::hibernate_until_message(detail::current());
    return detail::code_to_enter<Code>(std::move(args)...);
}

}  // namespace beam
