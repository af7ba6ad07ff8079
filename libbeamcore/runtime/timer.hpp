// Timers (erlang:send_after, start_timer, cancel_timer, read_timer). Monotonic time.
#pragma once

#include <chrono>
#include <cstring>
#include <optional>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/detail/timer_content.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam {

/// What start_timer delivers: `{timeout, Ref, Message}`.
struct timeout_message {
    ref timer;
    message content;
};

namespace detail {
BEAM_EXPORT ref start_content_timer(std::chrono::nanoseconds after, const server_ref& to,
                                    const timer_content& what);

template <class T>
ref start_value_timer(std::chrono::nanoseconds after, const server_ref& to, T value, bool wrapped) {
    timer_content what;
    what.wrapped = wrapped;
    if constexpr (fits_in_timer<T>) {
        what.type = descriptor_of<T>();
        std::memcpy(what.value, &value, sizeof(T));
    } else {
        what.message = message::make(std::move(value)).release();
    }
    return start_content_timer(after, to, what);
}
}  // namespace detail

/// Sends `value` to `to` when `after` has passed, never earlier. A name is looked up then. Raises
/// `badarg` for a negative time. The timer outlives the caller; it dies with its target.
template <sendable T>
ref send_after(std::chrono::nanoseconds after, const server_ref& to, T value) {
    return detail::start_value_timer(after, to, std::move(value), false);
}

/// As send_after, delivering timeout_message with the timer's reference.
template <sendable T>
ref start_timer(std::chrono::nanoseconds after, const server_ref& to, T value) {
    return detail::start_value_timer(after, to, std::move(value), true);
}

/// Stops a timer and gives the time it had left; nothing if it has fired, was cancelled or is unknown (the
/// message may be in the mailbox then). Constant time.
BEAM_EXPORT std::optional<std::chrono::nanoseconds> cancel_timer(const ref& timer);

/// The answer of cancel_timer_async: `{cancel_timer, Ref, TimeLeft or false}`.
struct cancel_timer_message {
    ref timer;
    std::optional<std::chrono::nanoseconds> left;
};
/// cancel_timer with `{async, true}`: the outcome comes as cancel_timer_message if `info`.
BEAM_EXPORT void cancel_timer_async(const ref& timer, bool info = true);

/// The time left of a running timer.
BEAM_EXPORT std::optional<std::chrono::nanoseconds> read_timer(const ref& timer);

/// The node's monotonic clock; virtual in deterministic mode.
[[nodiscard]] BEAM_EXPORT std::chrono::nanoseconds monotonic_time();

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::timeout_message);
BEAM_EXPORTED_DESCRIPTOR(beam::cancel_timer_message);
