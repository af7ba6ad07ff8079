// What a term points to when it does not fit into its own eight bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "libbeamcore/base/export.hpp"

namespace beam::detail {

// All memory of terms goes through these two.
[[nodiscard]] BEAM_EXPORT void* term_alloc(std::size_t size);
BEAM_EXPORT void term_free(void* p, std::size_t size) noexcept;

// What follows the header, by `kind` (a term_kind):
//   integer     `size` limbs of 64 bits, least significant first, the last not zero; flags 1:
//               negative. Only for what does not fit a small integer.
//   floating    the double; `size` is unused
//   ref         the ref's node and words; `flags`, with how many words it came from another node
//               (0: with three, or with five if those beyond are not zero)
//   port, pid   the port, the pid
//   fun         the fun
//   tuple       `size` terms, at least one
//   map         `size` entries, at least one, sorted by exact order of the keys
//   list        the tail, then `size` elements, at least one; flags 1, a slice: a list that is no
//               slice, then the index of the first element (it goes on to that list's end)
//   bitstring   the bytes; `size` is their number, at least one, `flags` how many bits of the last
//               one count (0: all). The bits that don't are zero. flags 128: a binary_slice instead
//               of the bytes
//
// The count of references is not needed any more while a node is being freed: release() keeps the
// list of those still to be freed in their first eight bytes (48 bits of address, kind and flags).
struct term_node {
    std::uint8_t kind;
    std::uint8_t flags;
    std::uint16_t unused;
    std::atomic<std::uint32_t> refs;
    std::uint64_t size;
};
static_assert(sizeof(term_node) == 16);

// Some of the bytes of another binary, which lives as long as this.
inline constexpr std::uint8_t slice_flag = 128;
struct binary_slice {
    term_node* base;  // a binary that is no slice; read as a term by who frees
    const char* at;
};

// Frees the node, whose last reference is gone, and all that only it held. Not recursive.
BEAM_EXPORT void free_node(term_node* n) noexcept;

inline void retain(term_node* n) noexcept {
    n->refs.fetch_add(1, std::memory_order_relaxed);
}

inline void release(term_node* n) noexcept {
    // Pairs with the decrement of whoever else had a reference: their reads happen before the free.
    if (n->refs.load(std::memory_order_acquire) == 1 ||
        n->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
        free_node(n);
}

}  // namespace beam::detail
