// Hashing: XXH3, the same on every machine and in every version, so that it may place shards.
#pragma once

#include <cstdint>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam {

[[nodiscard]] BEAM_EXPORT std::uint64_t xxh3_64(std::string_view bytes, std::uint64_t seed = 0);

/// A hash of both, for tables within one node.
[[nodiscard]] constexpr std::uint64_t hash_combine(std::uint64_t a, std::uint64_t b) {
    std::uint64_t x = a ^ (b + 0x9E3779B97F4A7C15ULL + (a << 6U) + (a >> 2U));
    x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31U);
}

}  // namespace beam
