// The limits of what clients may ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace kv {

inline constexpr std::size_t key_max = 1024;
inline constexpr std::size_t value_max = std::size_t{1} << 20;
inline constexpr std::size_t operations_max = 1000;  ///< of one transaction
inline constexpr std::size_t operations_bytes_max = std::size_t{4} << 20;
inline constexpr std::int64_t ttl_max_ms = 1000LL * 365 * 24 * 3600 * 1000;

// Why it is refused, for people; nothing: it is not.

[[nodiscard]] std::optional<std::string> bad_key(const std::string& key);
[[nodiscard]] std::optional<std::string> bad_value(const std::string& value);
/// Above 0.
[[nodiscard]] std::optional<std::string> bad_ttl(const std::optional<std::int64_t>& ttl_ms);

}  // namespace kv
