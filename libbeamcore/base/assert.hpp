// beam_assert: the runtime's own invariants. A broken one aborts the node; its parent restarts it.
#pragma once

#include "libbeamcore/base/export.hpp"

namespace beam::detail {

[[noreturn]] BEAM_EXPORT void assert_failed(const char* condition, const char* why,
                                            const char* file, int line) noexcept;

}  // namespace beam::detail

/// Always checked, in optimised builds too. `why` says what does not hold any more, in a literal.
/// For invariants of the runtime only: a bug of a process is thrown.
#define beam_assert(condition, why) \
    (static_cast<bool>(condition)   \
         ? static_cast<void>(0)     \
         : ::beam::detail::assert_failed(#condition, why, __FILE__, __LINE__))
