// Whether the pages of a closed LMDB file fit together, seen without LMDB: it trusts what a page says, and a
// damaged one leads it out of the file (SIGBUS) or of the map.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

/// Follows every page that the newest commit leads to, or says is free. Reads all of them but the insides of
/// large values, one page at a time. What keys and values say is not looked at.
///
/// Errors: `corrupt`, and those of the system. A file whose first pages are no LMDB's is left to LMDB.
[[nodiscard]] result<void> check_pages(const std::string& file);

}  // namespace beam::store::detail
