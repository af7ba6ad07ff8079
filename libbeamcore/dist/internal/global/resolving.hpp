// Names that two partitions both have: what becomes of them.
#pragma once

#include <vector>

#include "libbeamcore/dist/internal/global/messages.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::dist::detail {

/// Compares the names of another node, `[{Name, Pid, Method}]`, with those here, has clashes resolved, and tells the name
/// server what follows (names_resolved): operations `{insert, {Name, Pid, Method}}` and `{delete, Name}`.
process resolve_names(self me, pid name_server, atom node, sync_tag my_tag, term his_names);

/// global:resolve_it/4: calls the method for two processes, and gives who is to keep the name, or `none`.
[[nodiscard]] awaitable<term> resolve_clash(self me, term method, term name, term first,
                                            term second);

// global's own methods, `(Name, Pid1, Pid2)`.
[[nodiscard]] term random_exit_name(const term& name, const pid& a, const pid& b);
[[nodiscard]] term random_notify_name(const term& name, const pid& a, const pid& b);
[[nodiscard]] term notify_all_name(const term& name, const pid& a, const pid& b);

}  // namespace beam::dist::detail
