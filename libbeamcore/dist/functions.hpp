// Functions that other nodes may call: what rpc, erpc and spawn find here.
//
// OTP lets a peer call any function of any module. Here there is a table, `{Module, Function, Arity}`, and nothing else
// can be called: what is not in it is `undef`, as a function that does not exist. The node's own entries are in it from
// the start: functions of erlang, code, application and others, and those with which Erlang's observer and etop look at a
// node (etop with `-tracing off`: it cannot trace here). An application adds its own.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/timeout.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist {

/// Gets the arguments and gives the value; runs in a process of its own, or in that of a call. What it throws the caller
/// sees as `error`, `exit` or `throw`. raise(atoms::badarg) for arguments that do not fit.
using remote_function = callback<awaitable<term>(self, std::vector<term>)>;

/// Lets others call it from now on, in the calling process's runtime. One that is there already is replaced.
BEAM_EXPORT void export_function(atom module, atom function, unsigned arity, remote_function code);
/// For one that does not wait: `[](std::span<const term> args) -> term { ... }`.
BEAM_EXPORT void export_plain_function(atom module, atom function, unsigned arity,
                                       callback<term(std::span<const term>)> code);
/// Takes it out again; calls that run go on.
BEAM_EXPORT void withdraw_function(atom module, atom function, unsigned arity);

[[nodiscard]] BEAM_EXPORT bool is_function_exported(atom module, atom function, unsigned arity);
/// All entries of a module; whether it has any is whether it is "loaded" for others.
[[nodiscard]] BEAM_EXPORT std::vector<std::pair<atom, unsigned>> exported_functions(atom module);

/// Calls a function of this table, in the calling process. Exits with `{undef, [{M, F, Args, []}]}` without it.
[[nodiscard]] BEAM_EXPORT awaitable<term> apply(self me, atom module, atom function,
                                                std::vector<term> arguments);

/// erpc:call/5: runs `module:function(arguments)` on that node and gives its value.
///
/// Failures as erpc's exceptions: `{error, E, Stack}`, `{exit, R}`, `{throw, T}` of the function itself;
/// `{nodedown, Node}`, `timeout` (the call goes on there), `notsup`; `{signal, R}` when its process was killed.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<term>> rpc_call(atom node, atom module, atom function,
                                                            std::vector<term> arguments,
                                                            timeout limit = infinity{});

/// spawn/4 and spawn_link/4: a process of that node that runs `module:function(arguments)`; its group leader is the
/// caller's. The link is there before the process runs, and is one with the caller also if that node is lost at once.
/// Watch it with monitor() as any other.
///
/// Failures: `{nodedown, Node}`, `timeout` (it may be started all the same), `notsup`, `system_limit`. A function that
/// does not exist is no failure: the process ends with `{undef, _}`. Should the caller die meanwhile, the process goes on,
/// unless it is linked.
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> spawn_on(atom node, atom module, atom function,
                                                           std::vector<term> arguments,
                                                           timeout limit = infinity{});
[[nodiscard]] BEAM_EXPORT awaitable<outcome<pid>> spawn_link_on(atom node, atom module,
                                                                atom function,
                                                                std::vector<term> arguments,
                                                                timeout limit = infinity{});

}  // namespace beam::dist
