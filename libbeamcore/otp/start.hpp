// Starting and stopping a process of a behaviour: a class derived from gen_server or gen_statem.
#pragma once

#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/detail/gen_traits.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/server_ref.hpp"

namespace beam {

/// Starts a T, linked to the caller, and gives its pid once its constructor (or init) is through.
/// The error is OTP's reason: `{already_started, Pid}`, `timeout`, what init said or threw,
/// `ignore`. A failed start also sends the link's exit signal, as start_link does. If T's init
/// waits, the result is an awaitable of it.
template <detail::gen_startable T, class... Args>
[[nodiscard]] auto start_link(const server_options& options, Args&&... args) {
    return detail::gen_start_pid<T>(options, true, std::forward<Args>(args)...);
}
template <detail::gen_startable T, class... Args>
requires(!detail::starts_with_options<Args...>) [[nodiscard]] auto start_link(Args&&... args) {
    return detail::gen_start_pid<T>(server_options{}, true, std::forward<Args>(args)...);
}

/// The same without a link.
template <detail::gen_startable T, class... Args>
[[nodiscard]] auto start(const server_options& options, Args&&... args) {
    return detail::gen_start_pid<T>(options, false, std::forward<Args>(args)...);
}
template <detail::gen_startable T, class... Args>
requires(!detail::starts_with_options<Args...>) [[nodiscard]] auto start(Args&&... args) {
    return detail::gen_start_pid<T>(server_options{}, false, std::forward<Args>(args)...);
}

/// Without a link and with a monitor: outcome<spawned>, or an awaitable of it.
template <detail::gen_startable T, class... Args>
[[nodiscard]] auto start_monitor(const server_options& options, Args&&... args) {
    if constexpr (detail::gen_traits<T>::template init_waits<std::remove_cvref_t<Args>...>) {
        return detail::gen_start_waiting_monitor<T, std::remove_cvref_t<Args>...>(
            options, std::forward<Args>(args)...);
    } else {
        detail::gen_start start(&detail::gen_class_holder<T>::value, options, false, true);
        outcome<pid> p = started_pid(detail::gen_run_start<T>(start, std::forward<Args>(args)...));
        if (!p) return outcome<spawned>(fail_term(std::move(p.error())));
        return outcome<spawned>(spawned{*p, start.monitor()});
    }
}
template <detail::gen_startable T, class... Args>
requires(!detail::starts_with_options<Args...>) [[nodiscard]] auto start_monitor(Args&&... args) {
    return start_monitor<T>(server_options{}, std::forward<Args>(args)...);
}

/// Has a behaviour process end with `reason` (terminate first) and waits until it is gone. Exits
/// the caller with `noproc`, with `timeout`, or with the process's own reason if it ended with
/// another.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop(server_ref server, term reason = atoms::normal,
                                               timeout limit = infinity{});

}  // namespace beam
