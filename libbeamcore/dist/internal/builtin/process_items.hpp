// Processes as Erlang shows them: `{Module, Function, Arity}` and the items of process_info.
#pragma once

#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

/// The code that it was started with: `{Class, init, 1}`, or `{Namespace, Function, 1}`.
[[nodiscard]] term initial_call_of(const process_summary& s);
/// What it is at: of a class, the type of the message that it took last, `{Class, Type, 1}`, or `run` before the first.
[[nodiscard]] term current_call_of(const process_summary& s);
/// The registered name, else the initial call.
[[nodiscard]] term shown_name_of(const process_summary& s);

}  // namespace beam::dist::detail
