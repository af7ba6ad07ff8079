// Charging reductions without a call, for the layers of libbeamcore whose operations take a few nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>

#include "libbeamcore/runtime/fwd.hpp"

namespace beam::detail {

// The process that runs on this thread, or null: runtime/internal/worker.hpp.
extern constinit thread_local process_block* this_block
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/// Where in a process_block its reductions_left are; runtime.cpp makes sure of it.
inline constexpr std::size_t reductions_left_at = 112;

/// charge_caller, inlined.
[[gnu::always_inline]] inline void charge_here(int reductions) noexcept {
    process_block* pb = this_block;
    if (!pb) return;
    *reinterpret_cast<std::int32_t*>(reinterpret_cast<char*>(pb) + reductions_left_at) -=
        reductions;
}

}  // namespace beam::detail
