#include "libbeamcore/store/internal/lmdb/encoding.hpp"

#include <xxhash.h>

#include <cstdint>

namespace beam::store::detail {

namespace {
constexpr char plain_tag = 'p';
constexpr char long_tag = 'l';
constexpr std::size_t long_header = 5;
}  // namespace

std::string stored_key(std::string_view key) {
    if (!is_cut(key)) return std::string(key);
    XXH128_canonical_t hash;
    XXH128_canonicalFromHash(&hash, XXH3_128bits(key.data(), key.size()));
    static_assert(sizeof hash.digest == hash_size);
    std::string stored(key.substr(0, cut_size));
    stored.append(reinterpret_cast<const char*>(hash.digest), hash_size);
    return stored;
}

std::string stored_value(std::string_view key, std::string_view value) {
    std::string stored;
    if (!is_cut(key)) {
        stored.reserve(1 + value.size());
        stored += plain_tag;
    } else {
        stored.reserve(long_header + key.size() + value.size());
        stored += long_tag;
        for (int shift = 0; shift < 32; shift += 8)
            stored += char(std::uint32_t(key.size()) >> shift);
        stored += key;
    }
    stored += value;
    return stored;
}

std::optional<stored_item> read_item(std::string_view key, std::string_view value) {
    if (value.empty()) return {};
    if (value[0] == plain_tag && key.size() < cut_size) return stored_item{key, value.substr(1)};
    if (value[0] != long_tag || value.size() < long_header || key.size() != stored_key_max)
        return {};
    std::uint32_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size |= std::uint32_t(static_cast<unsigned char>(value[1 + i])) << (8 * i);
    if (value.size() - long_header < size) return {};
    return stored_item{value.substr(long_header, size), value.substr(long_header + size)};
}

}  // namespace beam::store::detail
