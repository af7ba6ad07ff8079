// The heap of this OS process: the C library's, or jemalloc's in a program that is linked with it (beamd-runtime).
#pragma once

#include <cstdint>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// Gives back to the system what the allocator keeps for later; a large heap takes milliseconds. Any thread.
BEAM_EXPORT void return_free_memory() noexcept;

struct heap_figures {
    std::uint64_t used = 0;   ///< bytes that somebody has
    std::uint64_t taken = 0;  ///< bytes from the system, for those and for later
};
/// What the allocator counts. Any thread.
[[nodiscard]] BEAM_EXPORT heap_figures count_heap() noexcept;

}  // namespace beam
