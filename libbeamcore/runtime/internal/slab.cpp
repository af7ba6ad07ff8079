#include "libbeamcore/runtime/internal/slab.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

namespace beam::detail::slab {

namespace {

constexpr std::uint32_t cells_of(std::uint8_t c) {
    return magazine_sizes[c];
}

std::atomic<std::uint64_t> reserved{0};

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
        char* memory = static_cast<char*>(std::aligned_alloc(64, (size * n + 63) / 64 * 64));
        if (!memory) throw std::bad_alloc();
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

thread_local bool ended __attribute__((tls_model("initial-exec"))) = false;

}  // namespace

thread_local thread_cache* cache __attribute__((tls_model("initial-exec"), visibility("hidden"))) =
    nullptr;

thread_cache::~thread_cache() {
    for (std::size_t c = 1; c < classes; ++c) {
        bin& b = bins[c];
        // A magazine that is not full goes back too: the depot's takers only follow `next`.
        if (b.first) depots()[c].give_magazine(b.first);
        if (b.spare) depots()[c].give_magazine(b.spare);
    }
    cache = nullptr;
    ended = true;
}

namespace {

thread_cache* make_cache() {
    static thread_local thread_cache mine;
    cache = &mine;
    return cache;
}

std::uint32_t length_of(const cell* first) {
    std::uint32_t n = 0;
    for (; first; first = first->next) ++n;
    return n;
}

cell* refill(bin& b, std::uint8_t c) {
    if (b.spare) {
        b.first = std::exchange(b.spare, nullptr);
        b.count = cells_of(c);
    } else {
        b.first = depots()[c].take_magazine(c);
        b.count = length_of(b.first);
    }
    return b.first;
}

void spill(bin& b, std::uint8_t c) {
    if (b.spare) depots()[c].give_magazine(b.spare);
    b.spare = std::exchange(b.first, nullptr);
    b.count = 0;
}

}  // namespace

void* take_slowly(std::uint8_t c, std::size_t bytes) {
    if (use_malloc || c == no_class) {
        void* p = std::malloc(bytes);
        if (!p) throw std::bad_alloc();
        return p;
    }
    thread_cache* t = cache;
    if (!t) {
        if (ended)
            return depots()[c].take_magazine(c);  // at thread end: leaks the rest, a few cells
        t = make_cache();
    }
    bin& b = t->bins[c];
    cell* p = b.first ? b.first : refill(b, c);
    b.first = p->next;
    --b.count;
    return p;
}

void give_slowly(std::uint8_t c, void* memory) noexcept {
    if (use_malloc || c == no_class) {
        std::free(memory);
        return;
    }
    cell* p = static_cast<cell*>(memory);
    thread_cache* t = cache;
    if (!t) {
        if (ended) {
            p->next = nullptr;
            depots()[c].give_magazine(p);
            return;
        }
        t = make_cache();
    }
    bin& b = t->bins[c];
    if (b.count >= cells_of(c)) spill(b, c);
    p->next = b.first;
    b.first = p;
    ++b.count;
}

std::uint64_t reserved_bytes() noexcept {
    return reserved.load(std::memory_order_relaxed);
}

}  // namespace beam::detail::slab
