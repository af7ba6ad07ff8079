// Memory for the chunks of big tables, all of which have one of nine sizes: cut from blocks of 2 MiB that the system may
// back with huge pages. Rows are looked for all over a table, so that with small pages nearly every look-up also waits
// for the processor's walk through the page tables; and malloc enlarges the heap of a thread by a system call for every
// few pages, each of which then costs a page fault. Blocks without a chunk in use are given back, but for one of a size.
#pragma once

#include <cstddef>

namespace beam::detail::ets {

/// One of the sizes; `kind` is below chunk_kinds and always means the same `bytes`. Aligned to 64 bytes.
[[nodiscard]] void* take_chunk_memory(unsigned kind, std::size_t bytes);
void give_chunk_memory(unsigned kind, void* memory) noexcept;
inline constexpr unsigned chunk_kinds = 9;

}  // namespace beam::detail::ets
