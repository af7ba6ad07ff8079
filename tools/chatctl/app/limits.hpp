// What a room and its messages may be.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace chat {

inline constexpr std::size_t name_max = 64;         ///< bytes of a room's or user's name
inline constexpr std::size_t text_max = 64 * 1024;  ///< bytes of a message
inline constexpr std::size_t kept_max = 1000;       ///< messages a room keeps
inline constexpr std::size_t rooms_max = 10'000;
inline constexpr std::size_t posts_at_once = 300;  ///< that are written, or handed over, at once
inline constexpr std::size_t epochs_max =
    100;  ///< whose marks a room keeps in kv, and those of kept messages
inline constexpr std::chrono::hours deletions_kept{24 * 7};
inline constexpr std::size_t fetch_bytes =
    1024 * 1024;  ///< of text that a member fetches at once, about

/// Why `name` is none for a room or user; nothing if it is one.
[[nodiscard]] std::optional<std::string> bad_name(std::string_view what, std::string_view name);
/// The same for a message's text.
[[nodiscard]] std::optional<std::string> bad_text(std::string_view text);

}  // namespace chat
