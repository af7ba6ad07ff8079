// Memory for signals, coroutine frames and bodies: size classes, cached by thread.
//
// Our pattern is "allocated by the sender, freed by the receiver", often on another thread, which is a weak
// spot of general allocators. Each thread keeps two magazines a class (Bonwick and Adams, "Magazines and
// Vmem", 2001): the common allocation and free touch only thread-local memory, and whole magazines move
// between threads through a depot. Memory is kept for reuse until the OS process ends.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "libbeamcore/runtime/detail/size_class.hpp"

namespace beam::detail::slab {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool use_malloc = true;  // let the sanitizers see every object by itself
#else
inline constexpr bool use_malloc = false;
#endif

struct cell {
    cell* next;
    cell* next_magazine;  // in a magazine's first cell, while it lies in the depot
};

/// How many cells a magazine of each class holds.
inline constexpr auto magazine_sizes = [] {
    std::array<std::uint32_t, classes> sizes{};
    for (std::size_t c = 1; c < classes; ++c)
        sizes[c] = std::uint32_t(std::clamp<std::size_t>(8192 / size_of(std::uint8_t(c)), 8, 128));
    return sizes;
}();

struct bin {
    cell* first = nullptr;  // the magazine in use
    std::uint32_t count = 0;
    cell* spare = nullptr;  // a full magazine, or none
};

struct thread_cache {
    std::array<bin, classes> bins;
    ~thread_cache();
};

// Initial-exec: libbeamcore is loaded at program start, and this is read at every allocation.
extern thread_local thread_cache* cache
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

void* take_slowly(std::uint8_t c, std::size_t bytes);
void give_slowly(std::uint8_t c, void* p) noexcept;

/// Never null; throws std::bad_alloc. `c` is class_of(bytes).
inline void* take(std::uint8_t c, std::size_t bytes) {
    thread_cache* t = cache;
    if (use_malloc || c == no_class || !t) [[unlikely]]
        return take_slowly(c, bytes);
    bin& b = t->bins[c];
    cell* p = b.first;
    if (!p) [[unlikely]]
        return take_slowly(c, bytes);
    b.first = p->next;
    --b.count;
    return p;
}

inline void give(std::uint8_t c, void* memory) noexcept {
    thread_cache* t = cache;
    if (use_malloc || c == no_class || !t || t->bins[c].count >= magazine_sizes[c]) [[unlikely]] {
        give_slowly(c, memory);
        return;
    }
    bin& b = t->bins[c];
    auto* p = static_cast<cell*>(memory);
    p->next = b.first;
    b.first = p;
    ++b.count;
}

/// Bytes taken from the system for small cells, by all threads.
std::uint64_t reserved_bytes() noexcept;

}  // namespace beam::detail::slab
