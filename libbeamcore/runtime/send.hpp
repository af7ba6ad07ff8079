// Sending messages.
#pragma once

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam {

namespace detail {
BEAM_EXPORT void send_message(pid to, signal* s) noexcept;
BEAM_EXPORT void send_message(const server_ref& to, signal* s);
BEAM_EXPORT void send_to_alias(const ref& alias, signal* s) noexcept;
BEAM_EXPORT result<void> try_send_message(const server_ref& to, signal* s);
/// The same, when nobody wants to know whether it arrived.
BEAM_EXPORT void cast_message(const server_ref& to, signal* s);
}  // namespace detail

/// Sends `value` (erlang:send). Never waits. To a dead pid: nothing happens. Signals from one sender to
/// one receiver arrive in the order sent. To a pid of another node the value goes as a term (term/fields.hpp); while the
/// connection is set up it waits, and when that fails or breaks it is lost.
template <sendable T>
void send(pid to, T value) {
    detail::send_message(to, message::make(std::move(value)).release());
}

/// Sends to a registered name. An unknown local name raises `badarg` (PROC-15); `{Name, Node}` never does.
template <sendable T>
void send(const server_ref& to, T value) {
    detail::send_message(to, message::make(std::move(value)).release());
}

/// Sends through an alias: dropped if the alias is no longer active.
template <sendable T>
void send(const ref& alias, T value) {
    detail::send_to_alias(alias, message::make(std::move(value)).release());
}

/// Passes on a received message unchanged.
inline void send(pid to, message m) {
    detail::send_message(to, m.release());
}

/// Sends and says when it could not be taken. Errors: `noproc` (dead or unknown), `mailbox_full` (a bound
/// mailbox whose policy is reject; judged at the moment of sending). To another node: none.
template <sendable T>
[[nodiscard]] result<void> try_send(const server_ref& to, T value) {
    return detail::try_send_message(to, message::make(std::move(value)).release());
}

}  // namespace beam
