// The quick half of the slab allocator (internal/slab.hpp): taking a cell from, and giving one to, the calling
// thread's own cache. Here because a message is made and freed where its type is known, in the user's code.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/detail/size_class.hpp"

namespace beam::detail::slab {

struct cell {
    cell* next;
    cell* next_magazine;  // in a magazine's first cell, while it lies in the depot
};

struct bin {
    cell* first = nullptr;   // the magazine in use
    std::uint32_t room = 0;  // how many more it holds
    cell* spare = nullptr;   // a full magazine, or none
};

/// A thread's cells; bin 0 is always empty and full at once, as is every bin of a thread that has no cache,
/// so that these cases take the slow way without being asked for.
struct thread_cache {
    std::array<bin, classes> bins;
};

// Initial-exec: libbeamcore is loaded at program start, and this is read at every allocation.
extern BEAM_EXPORT constinit thread_local thread_cache* cache
    __attribute__((tls_model("initial-exec")));

[[nodiscard]] BEAM_EXPORT void* take_slowly(std::uint8_t c, std::size_t bytes);
BEAM_EXPORT void give_slowly(std::uint8_t c, void* memory) noexcept;

/// Never null; throws std::bad_alloc. `c` is class_of(bytes).
[[nodiscard]] inline void* take(std::uint8_t c, std::size_t bytes) {
    bin& b = cache->bins[c];
    cell* p = b.first;
    if (!p) [[unlikely]]
        return take_slowly(c, bytes);
    b.first = p->next;
    ++b.room;
    return p;
}

inline void give(std::uint8_t c, void* memory) noexcept {
    bin& b = cache->bins[c];
    if (b.room == 0) [[unlikely]] {
        give_slowly(c, memory);
        return;
    }
    auto* p = static_cast<cell*>(memory);
    p->next = b.first;
    b.first = p;
    --b.room;
}

}  // namespace beam::detail::slab
