// Reading the arguments of functions that others call: what does not fit raises badarg.
#pragma once

#include <chrono>
#include <vector>

#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

[[nodiscard]] inline pid pid_argument(const term& t) {
    if (const auto p = t.as_pid()) return *p;
    raise(atoms::badarg);
}

/// A pid of this node: only of these is anything known here.
[[nodiscard]] inline pid local_pid_argument(const term& t) {
    const pid p = pid_argument(t);
    if (!p.is_local()) raise(atoms::badarg);
    return p;
}

[[nodiscard]] inline atom atom_argument(const term& t) {
    if (const auto a = t.as_atom()) return *a;
    raise(atoms::badarg);
}

[[nodiscard]] inline std::vector<term> list_argument(const term& t) {
    if (auto l = t.as_list()) return *std::move(l);
    raise(atoms::badarg);
}

[[nodiscard]] inline std::chrono::milliseconds period_argument(const term& t) {
    const auto ms = t.as_int<std::int32_t>();
    if (!ms || *ms <= 0) raise(atoms::badarg);
    return std::chrono::milliseconds(*ms);
}

[[nodiscard]] inline term pid_list(const std::vector<pid>& pids) {
    std::vector<term> made(pids.begin(), pids.end());
    return list_of(std::move(made));
}
[[nodiscard]] inline term atom_list(const std::vector<atom>& names) {
    std::vector<term> made(names.begin(), names.end());
    return list_of(std::move(made));
}

}  // namespace beam::dist::detail
