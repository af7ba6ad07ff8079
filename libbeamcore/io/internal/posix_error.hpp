// The system's errors as codes and atoms: errno's name in lower case, as Erlang's file and inet have it.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam::io::detail {

/// `econnreset`.
[[nodiscard]] std::string posix_code(int number);
[[nodiscard]] atom posix_atom(int number);
/// The code, and as detail `what: Connection reset by peer`.
[[nodiscard]] tl::unexpected<error> fail_posix(int number, std::string_view what = {});

}  // namespace beam::io::detail
