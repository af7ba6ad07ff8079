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
//   - Inlined rows have rules of their own (row_word.hpp).
//   - Key by key a reader of a dead chunk sees what it held when it died, a moment within the reader's own search.
//   - A pinned chunk belongs to snapshots too. It is never changed: a writer replaces it by a copy first.
//
// A slot has 18 bits of the hash, which begin at bit `base` of it. The first `depth - base` of them are the same in the
// whole chunk, the following ones say the home. So a chunk is rebuilt and split without a look at its rows, until
// too few bits are left; then they are read from the rows again.
//
// In memory: the head; for each line its eight slots and, where the chunk's `arity` is not 0, the elements of eight rows
// of so many; the counts of the lines. So all that a search for a row of that arity reads can be fetched at once.
#pragma once

#include <immintrin.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "libbeamcore/ets/internal/row_word.hpp"

namespace beam::detail::ets {

inline constexpr unsigned slots_a_line = 8;
inline constexpr unsigned common_bits_max = 6;  // depth - base

struct alignas(64) chunk {
    std::atomic<std::uint32_t> lock{0};
    std::uint32_t lines = 0;
    std::uint32_t used = 0;  // slots
    std::uint32_t pins = 0;  // snapshots that have it
    std::uint8_t depth = 0;
    std::uint8_t base = 0;
    bool dead = false;
    std::uint8_t arity = 0;      // of inlined rows; 0: none is
    std::uint64_t version = 0;   // the last that was given to an inlined row
    std::uint64_t prefix = 0;    // the least hash that belongs here
    std::uint64_t rows = 0;      // more than `used` in bags
    std::int64_t row_bytes = 0;  // of rows and groups
    /// A bit for each line that rows have passed: lines i, i + 64... share one. So who writes, and who looks for a key
    /// that is not there, need not fetch the counts.
    std::atomic<std::uint64_t> passed_lines{0};

    static chunk* make(unsigned lines, unsigned arity, unsigned depth, unsigned base,
                       std::uint64_t prefix);
    /// The memory alone.
    static void free_shell(void* c) noexcept;
    /// With the rows.
    static void free_all(void* c) noexcept;
    static std::size_t bytes(unsigned lines, unsigned arity) {
        return (sizeof(chunk) + lines * (64 + 64 * arity + sizeof(std::uint16_t)) + 63) &
               ~std::size_t(63);
    }
    [[nodiscard]] std::size_t bytes() const { return bytes(lines, arity); }
    /// Beyond so many lines a chunk is split, if it can be: some 16 KiB.
    static unsigned lines_max(unsigned arity) { return std::min(64u, 256 / (1u + arity)); }
    [[nodiscard]] unsigned lines_max() const { return lines_max(arity); }

    using atomic_word = std::atomic<std::uint64_t>;
    static atomic_word* line_of(chunk* c, unsigned i, unsigned arity) {
        return reinterpret_cast<atomic_word*>(c + 1) + std::size_t(i) * slots_a_line * (1 + arity);
    }
    static atomic_word* row_of(chunk* c, unsigned i, unsigned j, unsigned arity) {
        return line_of(c, i, arity) + slots_a_line + j * arity;
    }
    [[nodiscard]] atomic_word* line(unsigned i) { return line_of(this, i, arity); }
    [[nodiscard]] atomic_word* row(unsigned i, unsigned j) { return row_of(this, i, j, arity); }
    static std::atomic<std::uint16_t>& passed_of(chunk* c, unsigned i, unsigned lines,
                                                 unsigned arity) {
        return reinterpret_cast<std::atomic<std::uint16_t>*>(line_of(c, lines, arity))[i];
    }
    [[nodiscard]] std::atomic<std::uint16_t>& passed(unsigned i) {
        return passed_of(this, i, lines, arity);
    }
    [[nodiscard]] std::uint64_t last_hash() const {
        return depth == 0 ? ~std::uint64_t{0} : prefix | ~std::uint64_t{0} >> depth;
    }
    [[nodiscard]] unsigned capacity() const { return lines * slots_a_line; }
    /// With more rows a good part of them would not be in their home lines. To look for one of those costs much: the
    /// processor has guessed wrong, and waits for the memory alone.
    [[nodiscard]] bool is_full() const { return used >= capacity() - capacity() / 4; }
    /// Under the lock: its rows may be changed where they are.
    [[nodiscard]] bool is_plain() const { return !dead && pins == 0; }
    [[nodiscard]] bool is_sparse() const { return lines > 1 && used < capacity() / 4; }

    /// The tag's bits behind the common ones, as a fraction of 2^32, times the lines.
    static unsigned home_of(std::uint64_t tag, unsigned common, unsigned lines) {
        const std::uint32_t part = std::uint32_t(tag) << (32 - tag_bits) << common;
        return unsigned(std::uint64_t(part) * lines >> 32);
    }
    [[nodiscard]] unsigned home(std::uint64_t tag) const {
        return home_of(tag, depth - base, lines);
    }
    [[nodiscard]] std::uint64_t tag_of(std::uint64_t hash) const {
        return hash << base >> (64 - tag_bits);
    }

    /// f(word, its elements if it is inlined) for each slot that is not empty.
    template <class F>
    void for_each(F f) {
        for (unsigned i = 0; i < lines; ++i)
            for (unsigned j = 0; j < slots_a_line; ++j)
                if (const std::uint64_t w = line(i)[j].load(std::memory_order_acquire))
                    f(w, row(i, j));
    }

    /// Under the lock, with room: puts a word that is not there in, with its elements if it is inlined. Its tag is of this
    /// chunk's base, its home line `i`.
    void put(std::uint64_t word, const std::uint64_t* elements = nullptr) {
        put_at(home(row_word::tag(word)), word, elements);
    }
    void put_at(unsigned i, std::uint64_t word, const std::uint64_t* elements);
    /// In a slot that is empty.
    [[gnu::always_inline]] void put_in_slot(atomic_word* slots, unsigned j, std::uint64_t word,
                                            const std::uint64_t* elements) {
        if (elements)
            for (unsigned e = 0; e < arity; ++e)
                slots[slots_a_line + j * arity + e].store(elements[e], std::memory_order_release);
        slots[j].store(word, std::memory_order_release);
        ++used;
    }
    /// Whether a chunk that nobody reads yet can be filled by fill(): `filled` says how many slots of each line are taken.
    static constexpr unsigned fill_lines_max = 64;
    [[gnu::always_inline]] void fill(std::uint8_t* filled, std::uint64_t word,
                                     const atomic_word* elements) {
        const unsigned i = home(row_word::tag(word));
        if (filled[i] == slots_a_line) [[unlikely]] {
            fill_beyond(filled, i, word, elements);
            return;
        }
        set(i, filled[i]++, word, elements);
    }

    /// Under the lock: empties a slot.
    void remove(atomic_word* slot);
    /// A word for a new inlined row, or for one that has been changed.
    [[nodiscard]] std::uint64_t next_version(std::uint64_t tag) {
        return row_word::make_inlined(++version, tag);
    }

private:
    void count_passing(unsigned line, int by);
    void fill_beyond(std::uint8_t* filled, unsigned line, std::uint64_t word,
                     const atomic_word* elements);
    [[gnu::always_inline]] void set(unsigned i, unsigned j, std::uint64_t word,
                                    const atomic_word* elements) {
        atomic_word* to = row(i, j);
        if (row_word::is_inlined(word))
            for (unsigned e = 0; e < arity; ++e)
                to[e].store(elements[e].load(std::memory_order_relaxed), std::memory_order_relaxed);
        line(i)[j].store(word, std::memory_order_relaxed);
        ++used;
    }
};
static_assert(sizeof(chunk) == 64);

/// What a directory entry says of its chunk, so that a search need not look at the chunk's head: its address; in the upper
/// 16 bits the lines (7 bits; 0: too many to say), depth - base (3) and base (6); in the lowest 6 the arity.
struct chunk_ref {
    chunk* at;
    unsigned lines, common, base, arity;  // common: depth - base

    static std::uint64_t word_of(const chunk* c) {
        const std::uint64_t lines = c->lines < 128 ? c->lines : 0;
        const std::uint64_t meta = lines << 9 | unsigned(c->depth - c->base) << 6 | c->base;
        return reinterpret_cast<std::uint64_t>(c) | meta << 48 | c->arity;
    }
    static chunk* address(std::uint64_t word) {
        return reinterpret_cast<chunk*>(word & (((std::uint64_t{1} << 48) - 1) ^ 63));
    }
    [[gnu::always_inline]] explicit chunk_ref(std::uint64_t word) : at(address(word)) {
        lines = unsigned(word >> 57);
        common = unsigned(word >> 54) & 7;
        base = unsigned(word >> 48) & 63;
        arity = unsigned(word) & 63;
        if (lines == 0) [[unlikely]]
            lines = at->lines;
    }
    explicit chunk_ref(chunk* c)
        : at(c), lines(c->lines), common(c->depth - c->base), base(c->base), arity(c->arity) {}
    [[nodiscard]] unsigned depth() const { return base + common; }

    [[nodiscard]] std::uint64_t tag_of(std::uint64_t hash) const {
        return hash << base >> (64 - tag_bits);
    }
    [[nodiscard]] unsigned home(std::uint64_t tag) const {
        return chunk::home_of(tag, common, lines);
    }
    [[nodiscard]] chunk::atomic_word* line(unsigned i) const {
        return chunk::line_of(at, i, arity);
    }
    [[nodiscard]] chunk::atomic_word* row(unsigned i, unsigned j) const {
        return chunk::row_of(at, i, j, arity);
    }
    [[nodiscard, gnu::always_inline]] bool was_passed(unsigned i) const {
        if ((at->passed_lines.load(std::memory_order_acquire) >> (i % 64) & 1) == 0) [[likely]]
            return false;
        return chunk::passed_of(at, i, lines, arity).load(std::memory_order_acquire) != 0;
    }
};

/// Where rows of a hash are looked for first, and put if there is room.
struct home_line {
    chunk_ref in;
    std::uint64_t tag;
    unsigned number;
    chunk::atomic_word* slots;

    [[gnu::always_inline]] home_line(const chunk_ref& c, std::uint64_t hash)
        : in(c), tag(c.tag_of(hash)), number(c.home(tag)), slots(c.line(number)) {}
    /// The rows too: side by side with the slots.
    [[gnu::always_inline]] void fetch() const {
        __builtin_prefetch(slots);
        fetch_rows();
    }
    /// The lock too: a locked instruction waits for its line alone, and everything behind it with it.
    [[gnu::always_inline]] void fetch_to_write() const {
        __builtin_prefetch(in.at, 1);
        fetch();
    }
    [[gnu::always_inline]] void fetch_rows() const {
        __builtin_prefetch(slots + 8);
        __builtin_prefetch(slots + 16);
    }
};

/// Which slots of a line have that tag: a bit for each.
[[gnu::always_inline]] inline unsigned slots_with_tag(const chunk::atomic_word* line,
                                                      std::uint64_t tag) {
#if defined(__SANITIZE_THREAD__)
    unsigned found = 0;
    for (unsigned j = 0; j < slots_a_line; ++j)
        found |= unsigned(row_word::tag(line[j].load(std::memory_order_acquire)) == tag) << j;
    return found;
#else
    // Two words at a time: the processor loads each of them at once, and the ones found are loaded again. The upper halves
    // of four words make a vector: the tags are in them.
    const auto* at = reinterpret_cast<const __m128*>(line);
    const __m128i wanted = _mm_set1_epi32(int(tag));
    auto equal = [&](int i) {
        const __m128 first = _mm_load_ps(reinterpret_cast<const float*>(at + i));
        const __m128 second = _mm_load_ps(reinterpret_cast<const float*>(at + i + 1));
        const __m128i upper = _mm_castps_si128(_mm_shuffle_ps(first, second, 0xdd));
        return _mm_cmpeq_epi32(_mm_srli_epi32(upper, row_word::tag_shift - 32), wanted);
    };
    // Two bits for each word.
    return unsigned(_mm_movemask_epi8(_mm_packs_epi32(equal(0), equal(2)))) & 0x5555;
#endif
}
/// Which slots of a line are empty, likewise.
[[gnu::always_inline]] inline unsigned free_slots(const chunk::atomic_word* line) {
#if defined(__SANITIZE_THREAD__)
    unsigned found = 0;
    for (unsigned j = 0; j < slots_a_line; ++j)
        found |= unsigned(line[j].load(std::memory_order_relaxed) == 0) << j;
    return found;
#else
    const auto* at = reinterpret_cast<const __m128i*>(line);
    auto zero = [&](int i) { return _mm_cmpeq_epi32(_mm_load_si128(at + i), _mm_setzero_si128()); };
    const __m128i low = _mm_packs_epi32(zero(0), zero(1)), high = _mm_packs_epi32(zero(2), zero(3));
    const auto halves = unsigned(_mm_movemask_epi8(_mm_packs_epi16(low, high)));
    return halves & halves >> 1 & 0x5555;
#endif
}
/// The slot of the lowest bit, which is cleared.
[[gnu::always_inline]] inline unsigned take_slot(unsigned& found) {
    const auto bit = unsigned(std::countr_zero(found));
    found &= found - 1;
#if defined(__SANITIZE_THREAD__)
    return bit;
#else
    return bit / 2;
#endif
}

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

/// False: another one has it.
[[gnu::always_inline]] inline bool lock_at_once(chunk* c) {
    return c->lock.exchange(1, std::memory_order_acquire) == 0;
}
inline bool try_lock(chunk* c) {
    return c->lock.load(std::memory_order_relaxed) == 0 &&
           c->lock.exchange(1, std::memory_order_acquire) == 0;
}
void lock_slowly(chunk* c);
[[gnu::always_inline]] inline void lock(chunk* c) {
    if (c->lock.exchange(1, std::memory_order_acquire) != 0) [[unlikely]]
        lock_slowly(c);
}
inline void unlock(chunk* c) {
    c->lock.store(0, std::memory_order_release);
}

}  // namespace beam::detail::ets
