#include "libbeamcore/store/internal/lmdb/encoding.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstdint>

namespace beam::store::detail {

namespace {

constexpr char plain_tag = 'P', long_tag = 'L';
constexpr char old_plain_tag = 'p', old_long_tag = 'l';
constexpr std::size_t number_size = 4;

char* write_number(char* to, std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) *to++ = char(number >> shift);
    return to;
}

/// Takes it off the front of `from`, which has as many bytes.
std::uint32_t take_number(std::string_view& from) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < number_size; ++i)
        number |= std::uint32_t(static_cast<unsigned char>(from[i])) << (8 * i);
    from.remove_prefix(number_size);
    return number;
}

std::uint32_t checksum(std::string_view stored_key, std::string_view rest) {
    const auto seed = XXH3_64bits(stored_key.data(), stored_key.size());
    return std::uint32_t(XXH3_64bits_withSeed(rest.data(), rest.size(), seed));
}

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

std::size_t stored_size(std::string_view key, std::string_view value) {
    return 1 + number_size + (is_cut(key) ? number_size + key.size() : 0) + value.size();
}

void store_value(char* to, std::string_view stored_key, std::string_view key,
                 std::string_view value) {
    *to = is_cut(key) ? long_tag : plain_tag;
    char* const sum = to + 1;
    char* const rest = sum + number_size;
    char* end = rest;
    if (is_cut(key)) {
        end = write_number(end, std::uint32_t(key.size()));
        end = std::copy(key.begin(), key.end(), end);
    }
    end = std::copy(value.begin(), value.end(), end);
    write_number(sum, checksum(stored_key, {rest, std::size_t(end - rest)}));
}

std::optional<stored_item> read_item(std::string_view key, std::string_view value) {
    if (value.empty()) return {};
    const char tag = value[0];
    value.remove_prefix(1);
    if (tag == plain_tag || tag == long_tag) {
        if (value.size() < number_size) return {};
        const auto expected = take_number(value);
        if (checksum(key, value) != expected) return {};
    }
    if (tag == plain_tag || tag == old_plain_tag) {
        if (key.size() >= cut_size) return {};
        return stored_item{key, value};
    }
    if (tag != long_tag && tag != old_long_tag) return {};
    if (key.size() != stored_key_max || value.size() < number_size) return {};
    const std::size_t size = take_number(value);
    if (value.size() < size) return {};
    return stored_item{value.substr(0, size), value.substr(size)};
}

}  // namespace beam::store::detail
