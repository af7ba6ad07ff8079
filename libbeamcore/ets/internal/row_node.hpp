// Rows as a hash store keeps them: one word each.
//
//   word = 44 bits of address (16-byte aligned) | 2 bits of kind | 18 bits of the key's hash
//
// Kinds:
//   shared   a tuple's node, of which the table holds a reference. Immutable: a reader counts itself in.
//   counter  a tuple's node that nobody else has, whose elements are all immediate values. Its integers are changed in
//            place under the chunk's lock; readers copy it. `refs` is its version, odd while it is being changed.
//   group    of a bag: the rows of one key, in the order they came.
//
// A counter's rules: the writer makes the version odd before, and even (release) after it has stored; it stores elements
// with release and a reader loads them with acquire, so that who has read a new element sees that the version has
// changed. Without the version a reader could see two counters of a row from different moments. A counter's node is
// freed, as all nodes are, after everybody who could read it has gone; its count is set to 1 before.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "libbeamcore/runtime/detail/reclaim.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail::ets {

enum class row_kind : std::uint8_t { shared, counter, group };

inline constexpr unsigned tag_bits = 18;
inline constexpr std::uint64_t tag_mask = (std::uint64_t{1} << tag_bits) - 1;

/// A slot of a chunk. 0: empty.
struct row_word {
    static constexpr unsigned kind_shift = 44, tag_shift = 46;

    static std::uint64_t make(const void* p, row_kind k, std::uint64_t tag) {
        return reinterpret_cast<std::uint64_t>(p) >> 4 | std::uint64_t(k) << kind_shift |
               tag << tag_shift;
    }
    static std::uint64_t tag(std::uint64_t w) { return w >> tag_shift; }
    static row_kind kind(std::uint64_t w) { return row_kind(w >> kind_shift & 3); }
    static std::uint64_t address(std::uint64_t w) {
        return (w & ((std::uint64_t{1} << kind_shift) - 1)) << 4;
    }
    static term_node* node(std::uint64_t w) { return reinterpret_cast<term_node*>(address(w)); }
    static std::uint64_t with_tag(std::uint64_t w, std::uint64_t tag) {
        return (w & ((std::uint64_t{1} << tag_shift) - 1)) | tag << tag_shift;
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

/// A node as a term, for looking at it; the count is not touched.
class borrowed_term {
public:
    explicit borrowed_term(term_node* n) : term_(term_access::from_node(n)) {}
    explicit borrowed_term(std::uint64_t word) : term_(term_access::from_word(word)) {}
    ~borrowed_term() {}  // NOLINT: the member is not destroyed
    borrowed_term(const borrowed_term&) = delete;
    operator const term&() const { return term_; }  // NOLINT: implicit
    const term* operator->() const { return &term_; }
    const term& operator*() const { return term_; }

private:
    union {
        term term_;
    };
};

inline const term* elements_of(const term_node* n) {
    return reinterpret_cast<const term*>(n + 1);
}
/// The words of a tuple's elements.
inline std::uint64_t* words_of(term_node* n) {
    return reinterpret_cast<std::uint64_t*>(n + 1);
}

inline bool is_immediate(std::uint64_t word) {
    return (word & 7) != 0;
}
inline constexpr std::uint64_t small_tag = 1;
inline bool is_small(std::uint64_t word) {
    return word & small_tag;
}

inline constexpr std::size_t counter_arity_max = 16;

/// Whether such a row could be a counter.
bool can_count(const term_node* n);

/// A copy of a counter's row as it is at one moment; `version` is what it had.
term copy_counter(term_node* n, std::uint32_t* version = nullptr);
/// A counter with these elements, not yet seen by anybody.
term_node* make_counter(std::span<const std::uint64_t> words);
/// Gives a counter's node up, when nobody reads it.
void free_counter(void* node) noexcept;

/// Under the lock: changes elements of a counter so that readers see all or none.
class counter_change {
public:
    explicit counter_change(term_node* n)
        : node_(n), version_(n->refs.load(std::memory_order_relaxed)) {
        node_->refs.store(version_ + 1, std::memory_order_relaxed);
    }
    ~counter_change() { node_->refs.store(version_ + 2, std::memory_order_release); }
    counter_change(const counter_change&) = delete;
    void set(std::size_t i, std::uint64_t word) const {
        std::atomic_ref(words_of(node_)[i]).store(word, std::memory_order_release);
    }

private:
    term_node* node_;
    std::uint32_t version_;
};

}  // namespace beam::detail::ets
