// How keys and values lie in LMDB, whose keys have at most 511 bytes.
//
//   key up to 494 bytes    itself                              value: 'P' checksum Value
//   longer                 first 495 bytes, 128-bit hash       value: 'L' checksum Length-of-key Key Value
//
// The checksum (4 bytes, LE, as the length) is of the stored key and all that follows: LMDB's pages have none. Without
// one, with tags 'p' and 'l', lies what older versions wrote.
//
// A stored key of 511 bytes is always a cut one, so the two cannot be taken for each other, and a cut key
// still begins as the whole one does, for scans by prefix. Two keys that agree in the first 495 bytes and
// in the hash cannot both be stored; the second is refused (`key_collision`).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace beam::store::detail {

inline constexpr std::size_t stored_key_max = 511;
inline constexpr std::size_t hash_size = 16;
inline constexpr std::size_t cut_size = stored_key_max - hash_size;

[[nodiscard]] inline bool is_cut(std::string_view key) {
    return key.size() >= cut_size;
}
[[nodiscard]] std::string stored_key(std::string_view key);
[[nodiscard]] std::size_t stored_size(std::string_view key, std::string_view value);
/// Writes so many bytes. `stored_key` is that of `key`.
void store_value(char* to, std::string_view stored_key, std::string_view key,
                 std::string_view value);

struct stored_item {
    std::string_view key;
    std::string_view value;
};
/// Nothing: these bytes were not written by store_value(), or not for this key.
[[nodiscard]] std::optional<stored_item> read_item(std::string_view key, std::string_view value);

}  // namespace beam::store::detail
