// Things done later, or again and again: what OTP's module `timer` has beyond the timers of erlang:.
//
// Each of these timers is a small process of its own; send_after and start_timer (timer.hpp) are the
// cheaper ones, for a single message. They outlive their makers.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam::timer {

/// Names a timer of this module. A value; the default names none.
struct tref {
    std::uint64_t id = 0;
    friend bool operator==(const tref&, const tref&) = default;
    BEAM_FIELDS(tref, id)
};

/// Calls `code` once, in a process of its own. Errors: `badarg` (a negative time, an empty callback).
[[nodiscard]] BEAM_EXPORT outcome<tref> apply_after(std::chrono::nanoseconds after,
                                                    callback<void()> code);
/// Calls `code` each `period`, each time in a process of its own, whatever became of the last one.
/// Errors: `badarg`.
[[nodiscard]] BEAM_EXPORT outcome<tref> apply_interval(std::chrono::nanoseconds period,
                                                       callback<void()> code);

/// Sends `target` an exit signal with `reason` after that time. Errors: `badarg` (a negative time).
[[nodiscard]] BEAM_EXPORT outcome<tref> exit_after(std::chrono::nanoseconds after, pid target,
                                                   term reason);
/// exit_after with `kill`.
[[nodiscard]] BEAM_EXPORT outcome<tref> kill_after(std::chrono::nanoseconds after, pid target);

/// Ends a timer: what it has not done when this returns it will not do. `cancel`, also for one that
/// has ended already. Errors: `badarg` for a tref that names none.
BEAM_EXPORT outcome<atom> cancel(const tref& timer);

namespace detail {
BEAM_EXPORT outcome<tref> send_again(std::chrono::nanoseconds period, const server_ref& to,
                                     callback<void()> send);
}

/// Sends a copy of `value` each `period`, the first after one, without drift. Stops when a target given
/// as pid dies; a name is looked up each time, and an unknown one is passed over. Errors: `badarg`
/// (a negative period).
template <sendable T>
requires std::copy_constructible<T>
[[nodiscard]] outcome<tref> send_interval(std::chrono::nanoseconds period, const server_ref& to,
                                          T value) {
    return detail::send_again(period, to, [to, value = std::move(value)] {
        T copy(value);
        (void)try_send(to, std::move(copy));
    });
}

}  // namespace beam::timer
