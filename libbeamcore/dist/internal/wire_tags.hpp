// Those tags of the External Term Format that control messages are read and written with directly.
#pragma once

#include <cstdint>

namespace beam::dist::detail {

inline constexpr std::uint8_t version_byte = 131;
inline constexpr std::uint8_t tag_atom_cache_ref = 82, tag_new_pid = 88, tag_newer_reference = 90,
                              tag_small_integer = 97, tag_integer = 98, tag_small_tuple = 104,
                              tag_small_big = 110, tag_atom_utf8 = 118, tag_small_atom_utf8 = 119;

}  // namespace beam::dist::detail
