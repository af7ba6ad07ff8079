// Memory for signals, coroutine frames and bodies: size classes, cached by thread.
//
// Our pattern is "allocated by the sender, freed by the receiver", often on another thread, which is a weak
// spot of general allocators. Each thread keeps two magazines a class (Bonwick and Adams, "Magazines and
// Vmem", 2001): the common allocation and free touch only thread-local memory (detail/slab_cache.hpp), and
// whole magazines move between threads through a depot. Memory is kept for reuse until the OS process ends.
#pragma once

#include <cstdint>

#include "libbeamcore/runtime/detail/slab_cache.hpp"

namespace beam::detail::slab {

/// Bytes taken from the system for small cells, by all threads.
BEAM_EXPORT std::uint64_t reserved_bytes() noexcept;

}  // namespace beam::detail::slab
