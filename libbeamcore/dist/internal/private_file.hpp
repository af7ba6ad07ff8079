// Small files that nobody but their owner may have access to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libbeamcore/base/result.hpp"

namespace beam::dist::detail {

/// What errno's number means.
[[nodiscard]] std::string error_text(int number);

/// All of it, or the first bytes beyond `max`.
///
/// Errors, whose details name the file: `not_found`, `not_private` (others have access), `not_owner`, `not_a_file`,
/// `cannot_read`.
[[nodiscard]] result<std::string> read_private_file(const std::string& path, std::size_t max);

[[nodiscard]] bool write_all(int fd, std::string_view text);

}  // namespace beam::dist::detail
