// Sizes as people type and read them: 64K 16M 2G are powers of 1024, also KiB; kB is 1000.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam {

/// Reads a size in bytes: a number, then nothing or B, a power of 1024 (K, M, G, T, P or KiB, MiB,
/// ...) or of 1000 (kB, MB, GB, TB, PB). It may have a fraction if that is whole bytes: 1.5K.
///
/// Errors: `empty`, `bad_number`, `unknown_unit`, `not_whole`, `out_of_range`.
[[nodiscard]] BEAM_EXPORT result<std::uint64_t> parse_size(std::string_view text);

/// The largest unit of which there is at least one, with one decimal unless that is 0, rounded to
/// nearest: 812B, 64K, 1.5M.
[[nodiscard]] BEAM_EXPORT std::string print_size(std::uint64_t bytes);

}  // namespace beam
