// Atoms by index and by text, as the table has them: for what looks up, writes or compares many.
#pragma once

#include <atomic>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "libbeamcore/term/atom.hpp"

namespace beam::detail {

inline constexpr std::size_t atoms_max = 16'777'216;
inline constexpr std::size_t atom_segment_size = 1024;

// The first 16 bytes of a text, the rest zero: most atoms are all in it, and are compared, copied
// and looked up as two numbers.
struct atom_head {
    std::uint64_t low = 0, high = 0;
    friend bool operator==(const atom_head&, const atom_head&) = default;
};
inline constexpr std::size_t atom_head_size = sizeof(atom_head);

struct atom_entry {
    const char* text;
    std::uint64_t hash;
    atom_head head;
    std::uint32_t size;
    std::uint32_t index;
    [[nodiscard]] std::string_view name() const noexcept { return {text, size}; }
};

// Written once, before any index of theirs is given out; published by the pointer (release).
extern std::atomic<atom_entry*> atom_segments[atoms_max / atom_segment_size];
// Where a short text was found last, by its head: any entry or none. Who loads one (acquire) sees it
// whole, for it was stored (release) by one who had found it.
inline constexpr std::size_t short_atoms = 4096;
extern std::atomic<const atom_entry*> short_atom[short_atoms];

// The entry of an index that nobody has is that of an empty text.
const atom_entry& atom_entry_slowly(std::uint32_t index) noexcept;

inline const atom_entry& atom_entry_at(std::uint32_t index) noexcept {
    if (index < atoms_max) {
        const auto* s = atom_segments[index / atom_segment_size].load(std::memory_order_acquire);
        if (s) return s[index % atom_segment_size];
    }
    return atom_entry_slowly(index);
}

inline atom_head head_of(std::string_view text) noexcept {
    atom_head head;
    std::memcpy(&head, text.data(), text.size() < sizeof head ? text.size() : sizeof head);
    return head;
}

// The same of a text of at most 16 bytes that has 16 bytes to read.
inline atom_head head_in(const void* text, std::size_t size) noexcept {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t low, high;
    std::memcpy(&low, text, sizeof low);
    std::memcpy(&high, static_cast<const char*>(text) + sizeof low, sizeof high);
    // The bytes kept of each; by two halves, for shifting by 64 is undefined.
    auto mask = [](std::size_t bytes) {
        return ~(~std::uint64_t(0) << (4 * bytes) << (4 * bytes));
    };
    if (size <= sizeof low) return {low & mask(size), 0};
    return {low, high & mask(size - sizeof low)};
}

std::optional<atom> existing_short_atom(const atom_head& head, std::uint32_t size,
                                        std::size_t place) noexcept;

// existing_atom() of a text of at most 16 bytes, by its head.
inline std::optional<atom> existing_atom(const atom_head& head, std::uint32_t size) noexcept {
    auto mixed = (head.low ^ std::rotl(head.high, 27)) * 0x9E3779B97F4A7C15u;
    std::size_t place = mixed >> 52;
    const auto* e = short_atom[place].load(std::memory_order_acquire);
    if (e && e->head == head && e->size == size) return atom::at(e->index);
    return existing_short_atom(head, size, place);
}

// By text, bytewise.
inline std::strong_ordering compare_names(const atom_entry& a, const atom_entry& b) noexcept {
    if (a.head.low != b.head.low)
        return __builtin_bswap64(a.head.low) <=> __builtin_bswap64(b.head.low);
    if (a.head.high != b.head.high)
        return __builtin_bswap64(a.head.high) <=> __builtin_bswap64(b.head.high);
    return a.name() <=> b.name();
}
inline std::strong_ordering compare_names(atom a, atom b) noexcept {
    if (a == b) return std::strong_ordering::equal;
    return compare_names(atom_entry_at(a.index()), atom_entry_at(b.index()));
}

}  // namespace beam::detail
