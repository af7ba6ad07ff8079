#include "libbeamcore/base/hash.hpp"

#include <xxhash.h>

namespace beam {

std::uint64_t xxh3_64(std::string_view bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace beam
