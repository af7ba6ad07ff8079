// The size classes of small memory (internal/slab.hpp). Here because a message's class is known where its type
// is.
#pragma once

#include <cstddef>
#include <cstdint>

namespace beam::detail::slab {

inline constexpr std::size_t small_max = 1024;
inline constexpr std::uint8_t no_class = 0;  // from malloc

/// 1 to 24: sixteen byte steps to 256, then 64 to 512, then 128 to 1024.
constexpr std::uint8_t class_of(std::size_t bytes) {
    if (bytes <= 256) return std::uint8_t(bytes == 0 ? 1 : (bytes + 15) / 16);
    if (bytes <= 512) return std::uint8_t(16 + (bytes - 256 + 63) / 64);
    if (bytes <= small_max) return std::uint8_t(20 + (bytes - 512 + 127) / 128);
    return no_class;
}
constexpr std::size_t size_of(std::uint8_t c) {
    if (c <= 16) return c * 16u;
    if (c <= 20) return 256 + (c - 16u) * 64;
    return 512 + (c - 20u) * 128;
}
inline constexpr std::size_t classes = 25;

}  // namespace beam::detail::slab
