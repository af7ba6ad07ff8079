// Processes as Erlang shows them: `{Module, Function, Arity}` and the items of process_info.
#pragma once

#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

/// The code that it was started with: `{Name, init, 1}`, as proc_lib:initial_call() has it.
[[nodiscard]] term initial_call_of(const process_summary& s);
/// What it is at: its code, and the type of the message that it took last; `{Name, run, 1}` before the first.
[[nodiscard]] term current_call_of(const process_summary& s);
/// The registered name, else the initial call.
[[nodiscard]] term shown_name_of(const process_summary& s);

}  // namespace beam::dist::detail
