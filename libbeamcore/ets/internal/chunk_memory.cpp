#include "libbeamcore/ets/internal/chunk_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <mutex>
#include <new>

namespace beam::detail::ets {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers shall see each chunk.
void* take_chunk_memory(unsigned, std::size_t bytes) {
    return ::operator new(bytes, std::align_val_t(64));
}
void give_chunk_memory(unsigned, void* memory) noexcept {
    ::operator delete(memory, std::align_val_t(64));
}
#else

namespace {

constexpr std::size_t block_bytes = std::size_t(2) << 20;

struct free_piece {
    free_piece* next;
};

/// The head of a block; pieces lie behind it.
struct alignas(64) block {
    block* next = nullptr;  // of those with room
    block* before = nullptr;
    free_piece* free = nullptr;  // what was given back
    std::size_t untouched = 0;   // pieces behind all that was ever taken
    std::size_t used = 0;

    [[nodiscard]] bool has_room() const { return free || untouched > 0; }
    void* take(std::size_t bytes) {
        ++used;
        if (free_piece* p = free) {
            free = p->next;
            return p;
        }
        const std::size_t pieces = (block_bytes - sizeof(block)) / bytes;
        return reinterpret_cast<char*>(this + 1) + (pieces - untouched--) * bytes;
    }
};

/// The blocks of one kind.
struct block_list {
    std::mutex mutex;
    block* with_room = nullptr;
    std::size_t blocks = 0;

    void add(block* b) {
        b->before = nullptr;
        b->next = with_room;
        if (with_room) with_room->before = b;
        with_room = b;
    }
    void remove(block* b) {
        (b->before ? b->before->next : with_room) = b->next;
        if (b->next) b->next->before = b->before;
    }
};

block_list& list_of(unsigned kind) {
    static auto* all = new block_list[chunk_kinds];  // never destroyed: threads end at any time
    return all[kind];
}

// A huge page is cleared as a whole when it is first touched: not for a program with small tables only.
block* map_block(bool huge) {
    // Twice as much, of which the aligned part is kept.
    void* got = ::mmap(nullptr, 2 * block_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (got == MAP_FAILED) throw std::bad_alloc();
    char* from = static_cast<char*>(got);
    const std::size_t before = -reinterpret_cast<std::uintptr_t>(from) % block_bytes;
    if (before > 0) ::munmap(from, before);
    ::munmap(from + before + block_bytes, block_bytes - before);
    if (huge) (void)::madvise(from + before, block_bytes, MADV_HUGEPAGE);  // small ones will do
    return new (from + before) block;
}

}  // namespace

void* take_chunk_memory(unsigned kind, std::size_t bytes) {
    block_list& list = list_of(kind);
    std::lock_guard guard(list.mutex);
    block* b = list.with_room;
    if (!b) {
        b = map_block(list.blocks++ > 0);
        b->untouched = (block_bytes - sizeof(block)) / bytes;
        list.add(b);
    }
    void* piece = b->take(bytes);
    if (!b->has_room()) list.remove(b);
    return piece;
}

void give_chunk_memory(unsigned kind, void* memory) noexcept {
    auto* b = reinterpret_cast<block*>(reinterpret_cast<std::uintptr_t>(memory) &
                                       ~std::uintptr_t(block_bytes - 1));
    block_list& list = list_of(kind);
    std::lock_guard guard(list.mutex);
    if (!b->has_room()) list.add(b);
    b->free = new (memory) free_piece{b->free};
    // One is kept, for a table that grows and shrinks all the time.
    if (--b->used > 0 || (!b->next && !b->before)) return;
    list.remove(b);
    --list.blocks;
    ::munmap(b, block_bytes);
}

#endif

}  // namespace beam::detail::ets
