// A chunk: the rows of a hash store whose keys' hashes begin with the same `depth` bits, in lines of eight slots.
//
// A key's home is the line that the next bits of its hash say; a row that finds its home full goes to the next line that
// has room, and each line it passes counts it (`passed`), so that a search ends at the first line which nobody passed. A
// row never moves within a chunk: a chunk that gets too full or too empty is replaced by another as a whole. So a
// reader needs no lock and looks at nothing twice: whatever it finds was there at some moment of its search.
//
// The rules:
//   - Slots and counts are changed under the chunk's lock, if it is not dead. A dead chunk, one that was replaced, is never
//     changed again; it lasts until its readers have gone.
//   - A row that passes lines is counted there first, then put in its slot (release). The other way round a
//     reader could end its search before it.
//   - Key by key a reader of a dead chunk sees what it held when it died, a moment within the reader's own search.
//   - A pinned chunk belongs to snapshots too. It is never changed: a writer replaces it by a copy first.
//
// A slot has 18 bits of the hash, which begin at bit `base` of it. The first `depth - base` of them are the same in the
// whole chunk, the following ones say the home. So a chunk is rebuilt and split without a look at its rows, until
// too few bits are left; then they are read from the rows again.
#pragma once

#include <immintrin.h>
#include <sched.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "libbeamcore/ets/internal/row_node.hpp"

namespace beam::detail::ets {

inline constexpr unsigned slots_a_line = 8;
inline constexpr unsigned lines_max = 64;       // beyond that a chunk is split, if it can be
inline constexpr unsigned common_bits_max = 6;  // depth - base

struct alignas(64) chunk {
    std::atomic<std::uint32_t> lock{0};
    std::uint32_t lines = 0;
    std::uint32_t used = 0;  // slots
    std::uint32_t pins = 0;  // snapshots that have it
    std::uint8_t depth = 0;
    std::uint8_t base = 0;
    bool dead = false;
    std::uint64_t prefix = 0;    // the least hash that belongs here
    std::uint64_t rows = 0;      // more than `used` in bags
    std::int64_t row_bytes = 0;  // of rows and groups

    static chunk* make(unsigned lines, unsigned depth, unsigned base, std::uint64_t prefix);
    /// The memory alone.
    static void free_shell(void* c) noexcept;
    /// With the rows.
    static void free_all(void* c) noexcept;
    static std::size_t bytes(unsigned lines) {
        return (sizeof(chunk) + lines * (64 + sizeof(std::uint16_t)) + 63) & ~std::size_t(63);
    }

    [[nodiscard]] std::atomic<std::uint64_t>* line(unsigned i) {
        return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1) + i * slots_a_line;
    }
    [[nodiscard]] std::atomic<std::uint16_t>& passed(unsigned i) {
        return reinterpret_cast<std::atomic<std::uint16_t>*>(line(lines))[i];
    }
    [[nodiscard]] std::uint64_t last_hash() const {
        return depth == 0 ? ~std::uint64_t{0} : prefix | ~std::uint64_t{0} >> depth;
    }
    [[nodiscard]] unsigned capacity() const { return lines * slots_a_line; }
    /// One more row would make searches long.
    [[nodiscard]] bool is_full() const { return used >= capacity() - capacity() / 8; }
    [[nodiscard]] bool is_sparse() const { return lines > 1 && used < capacity() / 4; }

    [[nodiscard]] unsigned home(std::uint64_t tag) const {
        return unsigned(((tag << (depth - base) & tag_mask) * lines) >> tag_bits);
    }
    [[nodiscard]] std::uint64_t tag_of(std::uint64_t hash) const {
        return hash << base >> (64 - tag_bits);
    }

    /// f(word) for each slot that is not empty.
    template <class F>
    void for_each(F f) {
        for (unsigned i = 0; i < capacity(); ++i)
            if (const std::uint64_t w = line(0)[i].load(std::memory_order_acquire)) f(w);
    }

    /// Under the lock, with room: puts a word that is not there in. A word of another chunk's base is not for here.
    std::atomic<std::uint64_t>* put(std::uint64_t word);
    /// Under the lock: empties a slot.
    void remove(std::atomic<std::uint64_t>* slot);

private:
    void count_passing(unsigned line, int by);
};
static_assert(sizeof(chunk) == 64);

/// What a directory entry says of its chunk, so that a search need not look at the chunk's head: its address, and in the
/// upper 16 bits the lines (7 bits; 0: too many to say), depth (6) and depth - base (3).
struct chunk_ref {
    chunk* at;
    unsigned lines, depth, base;

    static std::uint64_t word_of(const chunk* c) {
        const std::uint64_t lines = c->lines < 128 ? c->lines : 0;
        const std::uint64_t meta =
            lines << 9 | std::uint64_t(c->depth) << 3 | unsigned(c->depth - c->base);
        return reinterpret_cast<std::uint64_t>(c) | meta << 48;
    }
    static chunk* address(std::uint64_t word) {
        return reinterpret_cast<chunk*>(word & ((std::uint64_t{1} << 48) - 1));
    }
    explicit chunk_ref(std::uint64_t word) : at(address(word)) {
        lines = unsigned(word >> 57);
        depth = unsigned(word >> 51) & 63;
        base = depth - (unsigned(word >> 48) & 7);
        if (lines == 0) [[unlikely]]
            lines = at->lines;
    }
    [[nodiscard]] std::uint64_t tag_of(std::uint64_t hash) const {
        return hash << base >> (64 - tag_bits);
    }
    [[nodiscard]] unsigned home(std::uint64_t tag) const {
        return unsigned(((tag << (depth - base) & tag_mask) * lines) >> tag_bits);
    }
};

/// Waits for another thread that needs nanoseconds, unless it was descheduled: then it is let run. The monitor may have
/// given it the lowest priority (runtime/internal/hog_watch.hpp), for which giving way is not enough.
class spin_pause {
public:
    void operator()() {
        if (++spins_ < 100)
            _mm_pause();
        else if (spins_ < 120)
            sched_yield();
        else
            sleep();
    }

private:
    static void sleep();
    unsigned spins_ = 0;
};

inline bool try_lock(chunk* c) {
    return c->lock.load(std::memory_order_relaxed) == 0 &&
           c->lock.exchange(1, std::memory_order_acquire) == 0;
}
inline void lock(chunk* c) {
    if (c->lock.exchange(1, std::memory_order_acquire) == 0) [[likely]]
        return;
    spin_pause pause;
    while (!try_lock(c)) pause();
}
inline void unlock(chunk* c) {
    c->lock.store(0, std::memory_order_release);
}

}  // namespace beam::detail::ets
