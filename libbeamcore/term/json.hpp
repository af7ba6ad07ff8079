// Terms and JSON. Include <nlohmann/json.hpp> in the .cpp that looks at the result.
//
//   term                            JSON                      and back
//   ------------------------------  ------------------------  --------------------
//   true, false                     true, false               the same
//   null, nil, undefined            null                      null
//   other atoms                     string                    binary
//   integer of at most 64 bits      number                    integer
//   other integer                   string of its digits      binary
//   float                           number                    float
//   binary of UTF-8                 string                    binary
//   other bit string                {"$b64": "...", "bits": N}   the same; bits only if not whole bytes
//   tuple, list                     array (see below)         list
//   map                             object (see below)        map with binaries as keys
//   pid, ref, port, fun             string, as printed        binary
//
// So what came from JSON goes back as it was; a term loses what JSON cannot say. An improper tail
// is the array's last element. A key that is neither an atom nor a binary of UTF-8 is its Erlang
// text; should two keys get the same text, the later one counts.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

inline constexpr std::size_t json_depth_max = 64;

/// Levels beyond json_depth_max become strings of Erlang text, for json's own writer recurses.
[[nodiscard]] BEAM_EXPORT nlohmann::json to_json(const term& t);

/// The same as text, without json's headers.
[[nodiscard]] BEAM_EXPORT std::string to_json_text(const term& t);
/// Errors: `syntax`; `too_deep` (more than json_depth_max levels), as soon as that is read; `bad_base64`.
[[nodiscard]] BEAM_EXPORT result<term> from_json_text(std::string_view text);

}  // namespace beam
