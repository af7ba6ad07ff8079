// A folder in which nodes of one user on one machine say where they listen, so that no EPMD is needed.
//
// Each has a file NAME.dist of mode 0600 there, one line as node_list.hpp has it. A file that stayed behind leads to a port
// where nobody listens, or somebody who does not know the cookie: it does no harm.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/dist/node_list.hpp"

namespace beam::dist {

/// NAME is what stands before the `@`.
[[nodiscard]] BEAM_EXPORT std::string node_file_path(std::string_view folder,
                                                     std::string_view node);

/// Writes it whole, in place of what is there. Errors: `cannot_create`.
[[nodiscard]] BEAM_EXPORT result<void> write_node_file(std::string_view folder,
                                                       const std::string& node,
                                                       const node_address& at);

/// Where that node says that it listens. Blocks for as long as it takes to read a small file.
///
/// Errors, whose details say which file: `not_found`, `not_private`, `not_owner`, `not_a_file`, `bad_file` (not written by
/// such a node, or by another), `cannot_read`.
[[nodiscard]] BEAM_EXPORT result<node_address> read_node_file(std::string_view folder,
                                                              const std::string& node);

/// Takes the file away if it says what write_node_file() wrote: not that of a node that came after.
BEAM_EXPORT void remove_node_file(std::string_view folder, const std::string& node,
                                  const node_address& at);

}  // namespace beam::dist
