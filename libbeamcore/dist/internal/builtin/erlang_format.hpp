// Text as other nodes send it to be printed: chardata, or a format with arguments (io_lib:format/2).
#pragma once

#include <string>

#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

/// The text of `format`'s directives: ~s, ~w, ~p, ~c, ~b and their kin, ~n, ~~. Widths and modifiers are read and
/// not kept; what does not fit is shown as it came.
[[nodiscard]] std::string format_text(const term& format, const term& arguments);
/// Chardata's text, or the term in Erlang's syntax.
[[nodiscard]] std::string text_or_term(const term& t);

}  // namespace beam::dist::detail
