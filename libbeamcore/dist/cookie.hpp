// The cookie: the secret that all nodes of a cluster know, in a file that only its owner can read.
//
// Rules and format are OTP's (erlang/otp:lib/kernel/src/auth.erl): printable ASCII, white space at the end of a line does
// not count; nobody but the owner may have access.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"

namespace beam::dist {

/// Where Erlang's nodes of this user have theirs: `~/.erlang.cookie`; where that is not there, and
/// `$XDG_CONFIG_HOME/erlang/.erlang.cookie` is, that one. Errors: `no_home`.
[[nodiscard]] BEAM_EXPORT result<std::string> erlang_cookie_path();

/// The cookie of the nodes that belong together and are not Erlang's: in that folder, which must be private.
[[nodiscard]] BEAM_EXPORT std::string cluster_cookie_path(std::string_view folder);

/// The cookie in that file.
///
/// Errors, whose details say what to do: `not_found`, `not_private` (others have access), `not_owner`, `not_a_file`,
/// `bad_cookie` (empty, too long, or of other bytes), `cannot_read`.
[[nodiscard]] BEAM_EXPORT result<std::string> read_cookie(const std::string& path);

/// The cookie in that file, which is made if it is not there: 20 random capital letters, mode 0400. Of several that make it
/// at once one does, and all get the same. Errors: as read_cookie, `cannot_create`.
[[nodiscard]] BEAM_EXPORT result<std::string> read_or_create_cookie(const std::string& path);

/// Whether it may be a cookie: 1 to 255 printable ASCII characters.
[[nodiscard]] BEAM_EXPORT bool is_cookie(std::string_view text);

}  // namespace beam::dist
