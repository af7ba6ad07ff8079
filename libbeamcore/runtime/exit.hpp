// Exits: how a process ends, and how others are told.
//
// Reasons are terms, as in Erlang: `normal`, `shutdown`, `{shutdown, Term}`, `kill`, `killed`, `noproc`,
// `noconnection`, or anything else. The rules are those of erlang:exit/1,2 (facts: PROC rows).
#pragma once

#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Thrown by exit(reason), and by whatever exits its caller (a failed call). Leaving the process's code
/// it becomes the exit reason. Catching it is legal, as `catch exit:R` is in Erlang, and rarely wise.
struct BEAM_EXPORT exit_exception {
    term reason;
    explicit exit_exception(term r);
    ~exit_exception();
    exit_exception(const exit_exception&);
};

/// Thrown for `erlang:error(Reason)`: the exit reason becomes `{Reason, Stacktrace}` (PROC-09). The
/// stack trace is a list of binaries, empty where none can be had.
struct BEAM_EXPORT error_exception {
    term reason;
    explicit error_exception(term r);
    ~error_exception();
    error_exception(const error_exception&);
};

/// Ends the calling process with `reason` (exit/1).
[[noreturn]] BEAM_EXPORT void exit(term reason);
/// The same with a number. Declared so that with `using namespace beam` a call `exit(3)` is ambiguous,
/// an error, and does not quietly end the whole node as C's exit does: write beam::exit(3).
[[noreturn]] BEAM_EXPORT void exit(int reason);

/// Raises an error in the calling process (error/1), e.g. error(atoms::badarg).
[[noreturn]] BEAM_EXPORT void raise(term reason);

/// Sends an exit signal (exit/2). `kill` cannot be trapped and is seen as `killed` by others; `normal`
/// is ignored by a process that does not trap exits, unless it is the sender itself. No error if dead.
BEAM_EXPORT void exit(pid target, term reason);

/// The message that a process which traps exits gets in place of an exit signal: `{'EXIT', Pid, Reason}`.
struct exit_message {
    pid from;
    term reason;
};

/// `normal`, `shutdown` and `{shutdown, _}`: ends that are no failure.
[[nodiscard]] BEAM_EXPORT bool is_orderly(const term& reason);

namespace detail {
/// The exit reason for the exception being handled: exit_exception's own; `{Reason, Stack}` for
/// error_exception; `{{cpp_exception, Type, What}, Stack}` for std::exception; `{{nocatch, V}, []}`
/// for the few other types that can be told (int, string, term).
[[nodiscard]] BEAM_EXPORT term reason_of_current_exception() noexcept;
}  // namespace detail

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::exit_message);
