// Base64 (RFC 4648), with padding.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam {

[[nodiscard]] BEAM_EXPORT std::string base64_encode(std::string_view bytes);

/// Strict: padding is wanted, white space and set bits behind the end are refused, so that a value
/// has one form only.
///
/// Errors: `bad_base64`.
[[nodiscard]] BEAM_EXPORT result<std::string> base64_decode(std::string_view text);

}  // namespace beam
