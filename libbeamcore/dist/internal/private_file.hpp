// Files, above all those with secrets: only their owner may read them, and nobody ever sees half of one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libbeamcore/base/result.hpp"

namespace beam::dist::detail {

/// All of a file; of a longer one the first `size_max` bytes. Errors: `not_found`, `not_a_file`, `cannot_read`.
[[nodiscard]] result<std::string> read_file(const std::string& path, std::size_t size_max);

/// The same of a file that nobody but its owner has access to.
///
/// Errors: as read_file(), `not_private`, `not_owner`.
[[nodiscard]] result<std::string> read_private_file(const std::string& path, std::size_t size_max);

/// Makes it, whole, or replaces it; mode 0600. Errors: `cannot_create`.
[[nodiscard]] result<void> write_private_file(const std::string& path, std::string_view text);
/// Makes it, mode 0400, unless it is there: of several that make it at once one does. Errors: `cannot_create`.
[[nodiscard]] result<void> create_private_file(const std::string& path, std::string_view text);

/// `$XDG_CONFIG_HOME`, else `~/.config`. Errors: `no_home`.
[[nodiscard]] result<std::string> config_home();
/// Errors: `no_home`.
[[nodiscard]] result<std::string> home_folder();

[[nodiscard]] std::string words_of(int error_number);

}  // namespace beam::dist::detail
