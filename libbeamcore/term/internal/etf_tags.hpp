// What both directions of the External Term Format share: its tags, and numbers as it has them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "libbeamcore/term/ref.hpp"

namespace beam::etf {

inline constexpr std::uint8_t version_byte = 131;

enum class tag : std::uint8_t {
    new_float = 70,
    bit_binary = 77,
    compressed = 80,
    atom_cache_ref = 82,
    new_pid = 88,
    new_port = 89,
    newer_reference = 90,
    small_integer = 97,
    integer = 98,
    float_text = 99,
    atom = 100,  // Latin-1
    reference = 101,
    port = 102,
    pid = 103,
    small_tuple = 104,
    large_tuple = 105,
    nil = 106,
    string = 107,
    list = 108,
    binary = 109,
    small_big = 110,
    large_big = 111,
    new_fun = 112,
    export_ = 113,
    new_reference = 114,
    small_atom = 115,  // Latin-1
    map = 116,
    atom_utf8 = 118,
    small_atom_utf8 = 119,
    v4_port = 120,
};

inline constexpr std::size_t string_length_max = 65'535;
inline constexpr std::size_t reference_words_max = 5;
inline constexpr std::size_t digest_size = 16;  // of a closure's code

// A closure's `data`: these, then its free variables.
enum closure_part {
    part_digest,
    part_index,
    part_module,
    part_old_index,
    part_old_unique,
    part_pid,
    part_free
};

// With how many words Erlang makes such a reference.
[[nodiscard]] constexpr std::size_t usual_words(const ref& r) noexcept {
    return (r.words[3] | r.words[4]) == 0 ? 3 : reference_words_max;
}

static_assert(std::endian::native == std::endian::little);

template <class Int>
[[nodiscard]] inline Int swapped(Int i) noexcept {
    if constexpr (sizeof(Int) == 2) return Int(__builtin_bswap16(i));
    if constexpr (sizeof(Int) == 4) return Int(__builtin_bswap32(i));
    if constexpr (sizeof(Int) == 8) return Int(__builtin_bswap64(i));
}

// As they stand in memory.
template <class Int>
[[nodiscard]] inline Int load(const void* from) noexcept {
    Int i;
    std::memcpy(&i, from, sizeof i);
    return i;
}
template <class Int>
inline void store(void* to, Int i) noexcept {
    std::memcpy(to, &i, sizeof i);
}

// memcpy, for what is short mostly: two copies that overlap take less time than a call.
inline void copy_short(char* to, const void* bytes, std::size_t count) noexcept {
    struct sixteen {
        char bytes[16];
    };
    const auto* from = static_cast<const char*>(bytes);
    if (count - 8 <= 8) {
        auto last = load<std::uint64_t>(from + count - 8);
        store(to, load<std::uint64_t>(from));
        store(to + count - 8, last);
    } else if (count - 16 <= 16) {
        auto last = load<sixteen>(from + count - 16);
        store(to, load<sixteen>(from));
        store(to + count - 16, last);
    } else {
        std::memcpy(to, bytes, count);
    }
}

// Big endian.
template <class Int>
[[nodiscard]] inline Int load_big(const void* from) noexcept {
    return swapped(load<Int>(from));
}
template <class Int>
inline void store_big(void* to, Int i) noexcept {
    store(to, swapped(i));
}

}  // namespace beam::etf
