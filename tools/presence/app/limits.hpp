// What users, sessions and topics may be called, and what a session may say of itself.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/pubsub/tracker_config.hpp"
#include "libbeamcore/term/term.hpp"

namespace presence {

inline constexpr std::size_t name_max = 255;      ///< bytes of a user, session, topic or status
inline constexpr std::size_t meta_max = 4096;     ///< bytes of a meta, as it is sent
inline constexpr std::size_t sessions_max = 100;  ///< of one user, on all nodes
inline constexpr std::chrono::milliseconds ttl_default = std::chrono::hours{1};
inline constexpr std::chrono::milliseconds ttl_max = std::chrono::hours{24 * 366};

/// The tracker's periods and limits, the same on all nodes: its defaults, with room in an entry for what the
/// application says of a session besides the user's own meta.
[[nodiscard]] beam::tracker::config tracker_config();

/// Why `name` is none (`what`: "the user's name"); nothing if it is one.
[[nodiscard]] std::optional<std::string> bad_name(std::string_view what, std::string_view name);
/// The same for a status text, which may be empty.
[[nodiscard]] std::optional<std::string> bad_status(std::string_view text);
/// The same for a meta: a map of at most meta_max bytes; `undefined` is none at all.
[[nodiscard]] std::optional<std::string> bad_meta(const beam::term& meta);

}  // namespace presence
