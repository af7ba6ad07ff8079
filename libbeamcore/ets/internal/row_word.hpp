// Rows as a hash store keeps them: a word in a slot, and for most of them their elements beside it.
//
//   word = 44 bits | 2 bits of kind | 18 bits of the key's hash
//
// Kinds, and what the 44 bits are:
//   shared    the address (16-byte aligned) of a tuple's node, of which the table holds a reference
//   inlined   a version; the elements, each with a reference of the table's, lie in the chunk beside the slot
//   changing  the same while a writer changes the elements
//   group     of a bag: the address of the rows of one key, in the order they came
//
// A row of few elements is inlined: it takes no node, its elements are where the slot says without another look-up, and its
// integers are changed where they are. Readers make a tuple of their own of it.
//
// The rules of an inlined row:
//   - A writer, under the chunk's lock, makes the word `changing` before it stores elements, each with release, and gives it
//     a new version, with release, afterwards. A new row's elements are stored before its word. An integer that takes
//     the place of another is stored without making the word `changing`: a reader has the one or the other.
//   - A reader loads the word, then the elements with acquire, then the word again: if it is the same, the elements
//     are those of one moment. Who has read a newer element sees that the word has changed.
//   - A version is used once in a chunk and those that take its rows over: no reader takes one row for another that has come
//     to the same slot.
//   - What an element referred to is retired, not freed: a reader may follow any element that it has loaded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "libbeamcore/ets/found.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail::ets {

enum class row_kind : std::uint8_t { shared, inlined, changing, group };

inline constexpr unsigned tag_bits = 18;
inline constexpr std::uint64_t tag_mask = (std::uint64_t{1} << tag_bits) - 1;
inline constexpr unsigned inline_arity_max = beam::ets::rows::short_max;

/// What is in a slot. 0: nothing.
struct row_word {
    static constexpr unsigned kind_shift = 44, tag_shift = 46;
    static constexpr std::uint64_t low = (std::uint64_t{1} << kind_shift) - 1;

    static std::uint64_t make(const void* p, row_kind k, std::uint64_t tag) {
        return reinterpret_cast<std::uint64_t>(p) >> 4 | std::uint64_t(k) << kind_shift |
               tag << tag_shift;
    }
    static std::uint64_t make_inlined(std::uint64_t version, std::uint64_t tag) {
        return (version & low) | std::uint64_t(row_kind::inlined) << kind_shift | tag << tag_shift;
    }
    static std::uint64_t tag(std::uint64_t w) { return w >> tag_shift; }
    static row_kind kind(std::uint64_t w) { return row_kind(w >> kind_shift & 3); }
    static bool is_inlined(std::uint64_t w) {
        return kind(w) == row_kind::inlined || kind(w) == row_kind::changing;
    }
    static std::uint64_t address(std::uint64_t w) { return (w & low) << 4; }
    static term_node* node(std::uint64_t w) { return reinterpret_cast<term_node*>(address(w)); }
    static std::uint64_t with_tag(std::uint64_t w, std::uint64_t tag) {
        return (w & ((std::uint64_t{1} << tag_shift) - 1)) | tag << tag_shift;
    }
    static std::uint64_t with_kind(std::uint64_t w, row_kind k) {
        return (w & ~(std::uint64_t{3} << kind_shift)) | std::uint64_t(k) << kind_shift;
    }
};

/// The rows of one key of a bag. Appended to in place while there is room; readers go as far as `count` says. Else
/// immutable: what is taken out makes a new one.
struct alignas(16) row_group {
    std::atomic<std::uint32_t> count{0};
    std::uint32_t capacity = 0;

    [[nodiscard]] term_node** rows() { return reinterpret_cast<term_node**>(this + 1); }
    [[nodiscard]] std::span<term_node*> all() {
        return {rows(), count.load(std::memory_order_acquire)};
    }
    static row_group* make(std::uint32_t capacity);
    static std::size_t bytes(std::uint32_t capacity) {
        return sizeof(row_group) + capacity * sizeof(term_node*);
    }
    static void free(void* group) noexcept;  // not the rows
};
static_assert(sizeof(row_group) == 16);

inline row_group* group_of(std::uint64_t word) {
    return reinterpret_cast<row_group*>(row_word::address(word));
}

/// A term to look at; the count of its node is not touched.
class borrowed_term {
public:
    explicit borrowed_term(term_node* n) : term_(term_access::from_node(n)) {}
    explicit borrowed_term(std::uint64_t word) : term_(term_access::from_word(word)) {}
    ~borrowed_term() {}  // NOLINT: the member is not destroyed
    borrowed_term(const borrowed_term&) = delete;
    operator const term&() const { return term_; }  // NOLINT: implicit
    const term& operator*() const { return term_; }

private:
    union {
        term term_;
    };
};

// Words of terms.
inline bool is_immediate(std::uint64_t word) {
    return (word & 7) != 0;
}
inline bool is_small(std::uint64_t word) {
    return word & 1;
}
inline std::uint64_t small_word(std::int64_t value) {
    return std::uint64_t(value) << 1 | 1;
}
inline bool fits_small(std::int64_t value) {
    constexpr std::int64_t limit = std::int64_t(1) << 62;
    return value >= -limit && value < limit;
}
inline void retain_word(std::uint64_t word) {
    if (!is_immediate(word)) retain(reinterpret_cast<term_node*>(word));
}
/// Another reference to the term.
inline term term_of(std::uint64_t word) {
    retain_word(word);
    return term_access::from_word(word);
}

inline const term* elements_of(const term_node* n) {
    return reinterpret_cast<const term*>(n + 1);
}
inline std::uint64_t* words_of(term_node* n) {
    return reinterpret_cast<std::uint64_t*>(n + 1);
}

/// A tuple of these words; takes their references over.
inline term_node* make_tuple(const std::uint64_t* words, unsigned arity) {
    term_node* n = new_node(term_kind::tuple, arity, arity * sizeof(term));
    for (unsigned i = 0; i < arity; ++i) words_of(n)[i] = words[i];
    return n;
}

/// The elements of a row that is given up, for another owner: moved from the node if nobody else has it.
[[gnu::always_inline]] inline void take_elements(term&& row, std::uint64_t* words) {
    term_node* n = term_access::node(row);
    const std::size_t arity = n->size;
    for (std::size_t i = 0; i < arity; ++i) words[i] = words_of(n)[i];
    if (n->refs.load(std::memory_order_acquire) == 1) [[likely]] {
        new (&row) term;
        term_free(n, sizeof(term_node) + arity * sizeof(term));
        return;
    }
    for (std::size_t i = 0; i < arity; ++i) retain_word(words[i]);
}

[[nodiscard]] std::size_t bytes_of_boxed(const std::uint64_t* words, std::size_t n) noexcept;
/// Memory that the elements of a row take, beside their own words.
[[nodiscard, gnu::always_inline]] inline std::size_t bytes_of_elements(const std::uint64_t* words,
                                                                       std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i)
        if (!is_immediate(words[i])) return bytes_of_boxed(words, n);
    return 0;
}

}  // namespace beam::detail::ets
