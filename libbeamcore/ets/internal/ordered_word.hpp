// A term as the eight bytes that a node of an ordered store keeps: read without being counted, compared without
// being made a term where both are small integers.
#pragma once

#include <cstdint>
#include <new>

#include "libbeamcore/term/term.hpp"

namespace beam::detail::ets::ordered {

/// Borrowed: who holds one sees to it that the term lives.
using word = std::uint64_t;

inline word word_of(const term& t) noexcept {
    return term_access::word(t);
}
inline bool is_small(word w) noexcept {
    return (w & 1) != 0;
}
inline bool is_boxed(word w) noexcept {
    return (w & 7) == 0 && w != 0;
}
inline term_node* boxed(word w) noexcept {
    return reinterpret_cast<term_node*>(w);
}

/// A reference of its own.
inline word retain(word w) noexcept {
    if (is_boxed(w)) beam::detail::retain(boxed(w));
    return w;
}
inline term counted(word w) noexcept {
    return term_access::from_word(retain(w));
}
inline void release(word w) noexcept {
    if (is_boxed(w)) beam::detail::release(boxed(w));
}

/// A word seen as a term that it does not count.
class borrowed {
public:
    explicit borrowed(word w) noexcept : term_(term_access::from_word(w)) {}
    ~borrowed() {}  // NOLINT(modernize-use-equals-default): the member is not destroyed
    borrowed(const borrowed&) = delete;
    borrowed& operator=(const borrowed&) = delete;

    operator const term&() const noexcept { return term_; }

private:
    union {
        term term_;
    };
};

/// As compare(): less than, equal to or greater than 0.
inline int compare_slowly(word a, word b) noexcept {
    auto order = compare(borrowed(a), borrowed(b));
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

inline int compare_words(word a, word b) noexcept {
    if (a == b) return 0;
    // Small integers are shifted by one with the same low bit, so their words are in their order.
    if (is_small(a) && is_small(b)) return std::int64_t(a) < std::int64_t(b) ? -1 : 1;
    return compare_slowly(a, b);
}

}  // namespace beam::detail::ets::ordered
