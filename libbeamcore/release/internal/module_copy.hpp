// A node's own copies of the modules that it loads.
//
// What is mapped must not change: an installed file may be written over while it runs, and glibc takes
// another file under the same path for the one it has. So a node maps a copy in a folder that is its own.
#pragma once

#include <filesystem>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/release/module_file.hpp"

namespace beam::detail {

/// The file to map for an installed one: its copy FOLDER/NAME-VERSION/NAME.so, made now unless it is there
/// with the same bytes; without a folder the file itself. The file and all folders above it must be root's
/// or ours, and not be writable by others (a sticky folder is well).
///
/// Errors: `not_found`; `not_permitted`; `cannot_copy`; `in_use` (a file of that version and other
/// contents is mapped).
[[nodiscard]] result<std::filesystem::path> file_to_map(const module_file& file,
                                                        const std::filesystem::path& folder);

}  // namespace beam::detail
