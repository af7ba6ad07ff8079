// proc_lib: plain coroutine processes that start in step with their starter and report their crashes.
//
// The code is a function `beam::awaitable<void> f(beam::self, args...)`. Its process knows its ancestors and
// initial call (in its dictionary, as `$ancestors` and `$initial_call`), and an end by an exception is
// logged as a crash unless the reason is `normal`, `shutdown` or `{shutdown, _}`.
//
//     beam::awaitable<void> worker(beam::self self, int port) {
//         ...
//         beam::proc_lib::init_ack(tuple(atoms::ok, self.id()));
//         ...
//     }
//     auto r = co_await beam::proc_lib::start_link(worker, 80);
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/detail/start_protocol.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

namespace detail {

/// In a catch block of a process that ends: logs the crash.
BEAM_EXPORT void proc_lib_failed(self s) noexcept;
BEAM_EXPORT void set_starter(const message& request);
BEAM_EXPORT awaitable<outcome<term>> wait_for_ack(pid child, bool linked, timeout limit);
BEAM_EXPORT spawned proc_lib_commit(process_block* pb, process code, module_record* module,
                                    const char* type, std::uint32_t function,
                                    const spawn_options& options);

template <class F, class... Args>
process proc_lib_run(self s, bool acknowledges, F code, Args... args) {
    try {
        if (acknowledges) {
            message request = co_await start_receive(s.block());
            set_starter(request);
        }
        awaitable<void> body = code(s, std::move(args)...);
        co_await body;
    } catch (...) {
        proc_lib_failed(s);
        throw;
    }
}

template <class F, class... Args>
spawned proc_lib_spawn(const spawn_options& options, bool acknowledges, F code, Args... args) {
    static_assert(std::is_empty_v<F> || std::is_pointer_v<F>,
                  "a process's code is a function or a lambda that captures nothing");
    process_block* pb = spawn_begin(options, nullptr);
    if (!pb) return {};
    struct guard {
        process_block* pb;
        ~guard() {
            if (pb) spawn_abandon(pb);
        }
    } on_throw{pb};
    const std::uint32_t name = function_name(code);
    process p = proc_lib_run(self_of(pb), acknowledges, std::move(code), std::move(args)...);
    on_throw.pb = nullptr;
    return proc_lib_commit(pb, std::move(p), this_module(), type_name<F>.text, name, options);
}

template <class F, class... Args>
awaitable<outcome<term>> proc_lib_start(spawn_options options, timeout limit, F code,
                                        Args... args) {
    spawned s = proc_lib_spawn(options, true, std::move(code), std::move(args)...);
    if (!s.pid) co_return fail_term(atoms::system_limit);
    outcome<term> r = co_await wait_for_ack(s.pid, options.link, limit);
    co_return r;
}

}  // namespace detail

namespace proc_lib {

/// Starts `code(self, args...)` and goes on at once.
template <class F, class... Args>
pid spawn(F code, Args... args) {
    return detail::proc_lib_spawn({}, false, std::move(code), std::move(args)...).pid;
}
template <class F, class... Args>
pid spawn_link(F code, Args... args) {
    spawn_options o;
    o.link = true;
    return detail::proc_lib_spawn(o, false, std::move(code), std::move(args)...).pid;
}
template <class F, class... Args>
spawned spawn_opt(const spawn_options& options, F code, Args... args) {
    return detail::proc_lib_spawn(options, false, std::move(code), std::move(args)...);
}

/// Starts `code` linked and waits until it calls init_ack(value): gives that value. If it ends before,
/// the error is its reason. After `limit` it is killed and the error is `timeout`.
template <class F, class... Args>
[[nodiscard]] awaitable<outcome<term>> start_link_within(timeout limit, F code, Args... args) {
    spawn_options o;
    o.link = true;
    return detail::proc_lib_start(o, limit, std::move(code), std::move(args)...);
}
template <class F, class... Args>
[[nodiscard]] awaitable<outcome<term>> start_link(F code, Args... args) {
    return start_link_within(infinity{}, std::move(code), std::move(args)...);
}
/// The same without a link.
template <class F, class... Args>
[[nodiscard]] awaitable<outcome<term>> start_within(timeout limit, F code, Args... args) {
    return detail::proc_lib_start({}, limit, std::move(code), std::move(args)...);
}
template <class F, class... Args>
[[nodiscard]] awaitable<outcome<term>> start(F code, Args... args) {
    return start_within(infinity{}, std::move(code), std::move(args)...);
}

/// In a process that was started with start or start_link: its start gives `value`. Once; later calls do
/// nothing.
BEAM_EXPORT void init_ack(term value);
/// Its start gives the error `reason`; the process is expected to end.
BEAM_EXPORT void init_fail(term reason);

/// The calling process's ancestors, nearest first (pids and names), and its initial call
/// (`{Function, init, 1}`, or of a behaviour `{Class, init, 1}`). A process of this module has them in its
/// dictionary; a behaviour's, to be small, works them out from its living parents.
[[nodiscard]] BEAM_EXPORT term ancestors();
[[nodiscard]] BEAM_EXPORT term initial_call();

}  // namespace proc_lib

}  // namespace beam
