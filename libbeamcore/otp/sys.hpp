// sys: looking into a running behaviour process and steering it (OTP's module sys).
//
// System requests are handled between two callbacks, never inside one. A suspended process leaves other
// messages in its mailbox, in order, until it is resumed. Each function exits its caller with
// `{Why, {sys, Function, [Server, Limit]}}` (noproc, timeout, the server's exit reason) and waits 5 s
// unless told otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/fwd.hpp"
#include "libbeamcore/runtime/body.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

namespace sys {

/// Called with its state, the event and the process (name or pid) for each system event: `{in, Msg}`,
/// `{out, Reply, To, State}`, `{noreply, State}`. Gives its new state, or `done` to be removed.
using debug_function = callback<term(term state, term event, term process)>;

/// Counted since statistics were switched on.
struct statistics_info {
    std::int64_t start_time_ns = 0;    ///< since the epoch
    std::int64_t current_time_ns = 0;  ///< since the epoch
    std::uint64_t reductions = 0;
    std::uint64_t messages_in = 0;
    std::uint64_t messages_out = 0;
    BEAM_FIELDS(statistics_info, start_time_ns, current_time_ns, reductions, messages_in,
                messages_out)
};

}  // namespace sys

namespace detail {

enum class sys_op : std::uint8_t {
    get_state,
    replace_state,
    get_status,
    suspend,
    resume,
    change_code,
    terminate,
    statistics,
    get_statistics,
    log,
    get_log,
    trace,
    install,
    remove,
    unknown,  // of another node: not one of these
};

struct sys_answer {
    bool failed = false;
    term value;
};

struct sys_request {
    using reply = sys_answer;
    sys_op op = sys_op::get_state;
    term a, b, c;
    callback<term(term)> change;
    sys::debug_function debug;
};

}  // namespace detail

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::detail::sys_request);
BEAM_EXPORTED_DESCRIPTOR(beam::detail::sys_answer);

namespace beam {

namespace detail {

/// Waits for a system request, or the parent's death, wherever in the mailbox it is.
class BEAM_EXPORT system_receive : public receive_base {
public:
    system_receive(process_block* pb, pid parent)
        : receive_base(pb, nullptr, &match, infinity{}, false), parent_(parent) {}
    message await_resume() { return finish(); }

private:
    static bool match(receive_base* r, message& m);
    pid parent_;
};

}  // namespace detail

/// A behaviour's body, as system requests see it. The behaviour handles them with a sys_handler.
class BEAM_EXPORT sys_target : public process_body {
public:
    ~sys_target() override;

    [[nodiscard]] bool answers_system_requests() const final { return true; }
    /// The class: what reports and the header of get_status name.
    [[nodiscard]] virtual atom sys_module() const = 0;
    /// What get_status shows as the module: gen_server, gen_statem or gen_event; a supervisor is a gen_server.
    [[nodiscard]] virtual atom sys_behaviour() const { return atoms::gen_server; }
    /// The process whose death ends this one; the false pid if there is none.
    [[nodiscard]] virtual pid sys_parent() const = 0;
    [[nodiscard]] virtual term sys_get_state() = 0;
    /// Takes over another state, or leaves all as it was and says why.
    [[nodiscard]] virtual outcome<void> sys_set_state(const term& state) = 0;
    /// Makes `change(state)` the state and gives what is shown then. The default does it by the two above.
    [[nodiscard]] virtual outcome<term> sys_replace_state(const callback<term(term)>& change);
    /// Only while suspended. An error is what stands in `{error, X}`.
    [[nodiscard]] virtual outcome<void> sys_change_code(const term& module, const term& old_vsn,
                                                        const term& extra) = 0;
    /// Ends the process with this reason (terminate first) as soon as run() is called again.
    virtual void sys_terminate(term reason) = 0;
    /// What the Misc of get_status says: `Status for generic server cell`.
    [[nodiscard]] virtual std::string sys_header() const;
    /// The state as get_status shows it.
    [[nodiscard]] virtual term sys_shown_state() { return sys_get_state(); }
};

/// Handles a behaviour's system requests. One pointer as long as nothing was switched on. Used so:
///
///     if (sys_.handle(self, *this, m)) {
///         if (sys_.is_suspended()) return run_waiting(self, sys_.while_suspended(self, *this));
///         ...  // sys_terminate() may have been called
///     }
class BEAM_EXPORT sys_handler {
public:
    sys_handler() noexcept = default;
    ~sys_handler();
    sys_handler(const sys_handler&) = delete;
    sys_handler& operator=(const sys_handler&) = delete;

    [[nodiscard]] static bool is_request(const message& m) {
        return m.type() == descriptor_of<detail::sys_request>();
    }
    /// Answers `m` if it is a system request; false otherwise, and nothing happened.
    bool handle(self s, sys_target& target, message& m);

    [[nodiscard]] bool is_suspended() const noexcept;
    /// Until resumed or to be ended, handles system requests only. For run_waiting().
    [[nodiscard]] awaitable<void> while_suspended(self s, sys_target& target);

    /// Whether event() does anything: ask before making an event.
    [[nodiscard]] bool has_debug() const noexcept;
    /// A system event happened.
    void event(self s, term event);

private:
    struct data;
    data& ensure();
    [[nodiscard]] term logged_events() const;
    detail::sys_answer answer(self s, sys_target& target, detail::sys_request& r);

    data* data_ = nullptr;
};

namespace detail {
BEAM_EXPORT awaitable<term> sys_replace_state(server_ref server, callback<term(term)> change,
                                              timeout limit);
BEAM_EXPORT awaitable<void> sys_install(server_ref server, term id, sys::debug_function f,
                                        term state, timeout limit);
}  // namespace detail

namespace sys {

inline constexpr timeout default_limit = std::chrono::seconds(5);

/// The state as a term: the declared fields as a map; `{opaque, Class}` without any.
[[nodiscard]] BEAM_EXPORT awaitable<term> get_state(server_ref server,
                                                    timeout limit = default_limit);

/// Runs `change(state)` in the server and makes its result the state; gives it. If `change` raises or
/// the result is not a state, exits with `{callback_failed, {Class, system_replace_state}, {error,
/// Reason}}` and nothing has changed. What the function captures must be trivially destructible
/// (or be moved into a callback<term(term)> in a statement before).
template <class F>
[[nodiscard]] awaitable<term> replace_state(server_ref server, F change,
                                            timeout limit = default_limit) {
    static_assert(std::is_trivially_destructible_v<F> || std::is_same_v<F, callback<term(term)>>,
                  "g++ 12 destroys a capturing lambda in a co_await expression twice: make a "
                  "callback<term(term)> first and move it in");
    return detail::sys_replace_state(server, callback<term(term)>(std::move(change)), limit);
}

/// `{status, Pid, {module, Behaviour}, [ProcessDictionary, running | suspended, Parent, Debug, Misc]}`, Misc
/// `[{header, "Status for ..."}, {data, [{"Status", _}, {"Parent", _}, {"Logged events", _}]}, {data, [{"State",
/// State}]}]`; its texts are lists of characters, as Erlang's tools expect.
[[nodiscard]] BEAM_EXPORT awaitable<term> get_status(server_ref server,
                                                     timeout limit = default_limit);

/// From now on user messages wait. Suspending twice is one suspension.
[[nodiscard]] BEAM_EXPORT awaitable<void> suspend(server_ref server, timeout limit = default_limit);
[[nodiscard]] BEAM_EXPORT awaitable<void> resume(server_ref server, timeout limit = default_limit);

/// Has a suspended process take its state to the current version of its class, by code_change. Not
/// suspended: the error `{unknown_system_msg, _}`. The error of a code_change that failed: `{error, X}`;
/// that crashed: `{'EXIT', Reason}`; the old state stays.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<void>> change_code(server_ref server, term module,
                                                               term old_vsn, term extra,
                                                               timeout limit = default_limit);

/// Has the process end with `reason`, terminate first. Gives back when it has been told.
[[nodiscard]] BEAM_EXPORT awaitable<void> terminate(server_ref server, term reason,
                                                    timeout limit = default_limit);

/// Switches counting on (from zero) or off.
[[nodiscard]] BEAM_EXPORT awaitable<void> statistics(server_ref server, bool on,
                                                     timeout limit = default_limit);
/// Nothing while it is off (`no_statistics`).
[[nodiscard]] BEAM_EXPORT awaitable<std::optional<statistics_info>> get_statistics(
    server_ref server, timeout limit = default_limit);

/// Keeps the last `count` system events, or none any more. More than 10 000 are not kept.
[[nodiscard]] BEAM_EXPORT awaitable<void> log(server_ref server, bool on, std::uint32_t count = 10,
                                              timeout limit = default_limit);
/// The events kept, oldest first.
[[nodiscard]] BEAM_EXPORT awaitable<std::vector<term>> get_log(server_ref server,
                                                               timeout limit = default_limit);

/// Writes each system event to the log (domain `sys`, level info).
[[nodiscard]] BEAM_EXPORT awaitable<void> trace(server_ref server, bool on,
                                                timeout limit = default_limit);

/// Has `f(state, event, process)` called for each system event. One that is already installed under
/// this id stays. What the function captures: see replace_state.
template <class F>
[[nodiscard]] awaitable<void> install(server_ref server, term id, F f, term state,
                                      timeout limit = default_limit) {
    static_assert(std::is_trivially_destructible_v<F> || std::is_same_v<F, debug_function>,
                  "g++ 12 destroys a capturing lambda in a co_await expression twice: make a "
                  "sys::debug_function first and move it in");
    return detail::sys_install(server, std::move(id), debug_function(std::move(f)),
                               std::move(state), limit);
}
/// Takes an installed function out.
[[nodiscard]] BEAM_EXPORT awaitable<void> remove(server_ref server, term id,
                                                 timeout limit = default_limit);

}  // namespace sys

}  // namespace beam
