#include "libbeamcore/runtime/internal/slab.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include "libbeamcore/runtime/internal/page_source.hpp"

namespace beam::detail::slab {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool use_malloc = true;  // let the sanitizers see every object by itself
#else
constexpr bool use_malloc = false;
#endif

constexpr std::size_t least_cell = 32;

/// How many cells a magazine of each class holds.
constexpr auto magazine_sizes = [] {
    std::array<std::uint32_t, classes> sizes{};
    for (std::size_t c = 1; c < classes; ++c)
        sizes[c] = std::uint32_t(std::clamp<std::size_t>(8192 / size_of(std::uint8_t(c)), 8, 128));
    return sizes;
}();

constexpr std::uint32_t cells_of(std::uint8_t c) {
    return magazine_sizes[c];
}

std::atomic<std::uint64_t> reserved{0};

char* take_pages(std::size_t bytes) {
    static std::mutex mutex;
    static auto* pages = new page_source;  // never destroyed: threads may free at any time
    std::lock_guard lock(mutex);
    return static_cast<char*>(pages->take(bytes));
}

class depot {
public:
    cell* take_magazine(std::uint8_t c) {
        if (cell* full = pop()) return full;
        return carve(c);
    }
    void give_magazine(cell* first) {
        std::lock_guard lock(mutex_);
        first->next_magazine = full_;
        full_ = first;
    }

private:
    cell* pop() {
        std::lock_guard lock(mutex_);
        cell* first = full_;
        if (first) full_ = first->next_magazine;
        return first;
    }
    static cell* carve(std::uint8_t c) {
        const std::size_t size = size_of(c);
        const std::uint32_t n = cells_of(c);
        char* memory = take_pages(size * n);
        reserved.fetch_add(size * n, std::memory_order_relaxed);
        for (std::uint32_t i = 0; i < n; ++i)
            reinterpret_cast<cell*>(memory + i * size)->next =
                i + 1 < n ? reinterpret_cast<cell*>(memory + (i + 1) * size) : nullptr;
        return reinterpret_cast<cell*>(memory);
    }

    std::mutex mutex_;
    cell* full_ = nullptr;
};

std::array<depot, classes>& depots() {
    // Never destroyed: threads give back their magazines when they end, whenever that is.
    static auto* all = new std::array<depot, classes>;
    return *all;
}

// What a thread without a cache of its own looks into: every bin is empty, and has no room.
constinit thread_cache no_cache{};

thread_local bool ended __attribute__((tls_model("initial-exec"))) = false;

struct owned_cache : thread_cache {
    owned_cache() {
        for (std::size_t c = 1; c < classes; ++c) bins[c].room = magazine_sizes[c];
        cache = this;
    }
    ~owned_cache() {
        for (std::size_t c = 1; c < classes; ++c) {
            // A magazine that is not full goes back too: the depot's takers only follow `next`.
            if (bins[c].first) depots()[c].give_magazine(bins[c].first);
            if (bins[c].spare) depots()[c].give_magazine(bins[c].spare);
        }
        cache = &no_cache;
        ended = true;
    }
};

/// The thread's own cache, made at the first call; null when the thread is ending.
thread_cache* own_cache() {
    if (cache != &no_cache) return cache;
    if (ended) return nullptr;
    static thread_local owned_cache mine;
    return &mine;
}

std::uint32_t length_of(const cell* first) {
    std::uint32_t n = 0;
    for (; first; first = first->next) ++n;
    return n;
}

void refill(bin& b, std::uint8_t c) {
    if (b.spare) {
        b.first = std::exchange(b.spare, nullptr);
        b.room = 0;
    } else {
        b.first = depots()[c].take_magazine(c);
        b.room = cells_of(c) - length_of(b.first);
    }
}

void spill(bin& b, std::uint8_t c) {
    if (b.spare) depots()[c].give_magazine(b.spare);
    b.spare = std::exchange(b.first, nullptr);
    b.room = cells_of(c);
}

}  // namespace

constinit thread_local thread_cache* cache __attribute__((tls_model("initial-exec"))) = &no_cache;

void* take_slowly(std::uint8_t c, std::size_t bytes) {
    if (use_malloc || c == no_class) {
        // At least a small cell, all of which is its owner's: convert() in code_use.cpp writes a term there.
        void* p = std::malloc(std::max(bytes, least_cell));
        if (!p) throw std::bad_alloc();
        return p;
    }
    thread_cache* t = own_cache();
    if (!t) return depots()[c].take_magazine(c);  // leaks the rest, a few cells
    bin& b = t->bins[c];
    if (!b.first) refill(b, c);
    cell* p = b.first;
    b.first = p->next;
    ++b.room;
    return p;
}

void give_slowly(std::uint8_t c, void* memory) noexcept {
    if (use_malloc || c == no_class) {
        std::free(memory);
        return;
    }
    cell* p = static_cast<cell*>(memory);
    thread_cache* t = own_cache();
    if (!t) {
        p->next = nullptr;
        depots()[c].give_magazine(p);
        return;
    }
    bin& b = t->bins[c];
    if (b.room == 0) spill(b, c);
    p->next = b.first;
    b.first = p;
    --b.room;
}

std::uint64_t reserved_bytes() noexcept {
    return reserved.load(std::memory_order_relaxed);
}

}  // namespace beam::detail::slab
