// What a cache may hold, and who goes when it holds more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace cache {

/// Who goes first when there is no room. What has expired always goes before these.
enum class policy : std::uint8_t {
    lru,  ///< what was not used for longest
    lfu,  ///< what is used least, by TinyLFU: a newcomer must be more in demand than whom it replaces
    fifo,  ///< what was put in first, used or not
};

[[nodiscard]] constexpr std::string_view name_of(policy p) {
    return p == policy::lru ? "lru" : p == policy::lfu ? "lfu" : "fifo";
}
[[nodiscard]] constexpr std::optional<policy> policy_named(std::string_view name) {
    for (policy p : {policy::lru, policy::lfu, policy::fifo})
        if (name == name_of(p)) return p;
    return std::nullopt;
}

struct limits {
    std::int64_t max_entries = 0;  ///< 0: none
    std::int64_t max_bytes = 0;    ///< 0: none
    cache::policy policy = cache::policy::lru;
    std::int64_t ttl_ms = 0;  ///< of what is put without one; 0: it stays

    /// Whether who uses what counts.
    [[nodiscard]] bool bounded() const { return max_entries > 0 || max_bytes > 0; }
};

inline constexpr std::size_t key_max = 64 << 10;  ///< bytes of a key
inline constexpr std::size_t value_max = std::size_t(512)
                                         << 20;  ///< bytes of a value, as redis has it
inline constexpr std::size_t tag_max = 256;      ///< bytes of a tag
inline constexpr std::size_t tags_max = 16;      ///< of one entry
inline constexpr std::int64_t ttl_max_ms = std::int64_t{1000} * 366 * 24 * 3600 * 1000;

/// What an entry takes besides its key and value: its row, and its place in the books.
inline constexpr std::int64_t entry_overhead = 192;

}  // namespace cache
