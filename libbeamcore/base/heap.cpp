#include "libbeamcore/base/heap.hpp"

#include <malloc.h>

#include <cstddef>

// jemalloc's, if it is there.
extern "C" __attribute__((weak)) int mallctl(const char* name, void* old, std::size_t* old_size,
                                             void* fresh, std::size_t fresh_size);

namespace beam {

namespace {

std::uint64_t jemalloc_count(const char* name) {
    std::size_t value = 0, size = sizeof value;
    return mallctl(name, &value, &size, nullptr, 0) == 0 ? value : 0;
}

}  // namespace

void return_free_memory() noexcept {
    if (!mallctl) {
        ::malloc_trim(0);
        return;
    }
    (void)mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
    (void)mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // of all arenas
}

heap_figures count_heap() noexcept {
    if (!mallctl) {
        const struct mallinfo2 m = ::mallinfo2();
        return {m.uordblks + m.hblkhd, m.arena + m.hblkhd};
    }
    std::uint64_t now = 1;  // any value has it count anew
    (void)mallctl("epoch", nullptr, nullptr, &now, sizeof now);
    return {jemalloc_count("stats.allocated"), jemalloc_count("stats.resident")};
}

}  // namespace beam
