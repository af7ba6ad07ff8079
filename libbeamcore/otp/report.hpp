// Reports of ends and starts, through base's log: what OTP's sasl prints, as structured events.
//
// Domain `otp`. Values are terms in Erlang syntax, cut at 4 KiB each, so that a huge state cannot flood
// the log. Messages, and the fields each has:
//   "process crashed"    pid, name, label, initial_call, reason, ancestors,
//                        message_queue_len                                                  error
//   "server terminated"  pid, name, class, reason, state, last_message                      error
//   "event handler crashed"
//                        pid, name, handler, reason, state, last_message                    error
//   "child terminated", "start error", "shutdown", "shutdown error"
//                        supervisor, reason, child                                          error
//   "progress"           supervisor, child                                                  debug
#pragma once

#include <optional>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

enum class supervisor_event { child_terminated, start_error, shutdown, shutdown_error };

/// What a supervisor found wrong. `child` describes the child (id, pid, start, restart, ...).
BEAM_EXPORT void report_supervisor(const term& supervisor, supervisor_event what,
                                   const term& reason, const term& child);
/// A supervisor started a child.
BEAM_EXPORT void report_progress(const term& supervisor, const term& child);

/// The crash report of the calling process, which is about to end with `reason`. Nothing for `normal`,
/// `shutdown` and `{shutdown, _}` (PLIB-05).
BEAM_EXPORT void report_crash(self process, const term& reason);

/// A behaviour's process ends with `reason` after a failure of its own. Nothing for an orderly one.
BEAM_EXPORT void report_server_terminated(self process, atom class_name, const term& reason,
                                          const term& state, std::string_view last_message);

/// The calling manager of events takes a handler out that failed with `reason`, whatever that is.
BEAM_EXPORT void report_handler_terminated(const term& handler, const term& reason,
                                           const term& state, std::string_view last_message);

/// The calling process's registered name, or its pid: how it is shown.
[[nodiscard]] BEAM_EXPORT term shown_name(self process);

}  // namespace beam
