// The proof, in a handshake, that one knows the cookie.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace beam::dist::detail {

inline constexpr std::size_t digest_size = 16;
using digest = std::array<char, digest_size>;

/// MD5 of the cookie and the challenge in decimal. Throws std::runtime_error if the system allows no MD5.
[[nodiscard]] digest digest_of(std::string_view cookie, std::uint32_t challenge);

/// Whether they are the same, in a time that does not tell where they differ.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace beam::dist::detail
