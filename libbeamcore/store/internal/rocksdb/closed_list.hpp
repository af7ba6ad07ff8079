// The list of a closed store's small files, by which damage of one is told before it is opened.
//
// RocksDB takes a record that reaches beyond the end of its file for one that was being written as the machine
// stopped, and forgets it. After a close no record is such, but one bit of a record's length can make it look so. Tables
// need no list: each block of theirs has a checksum, and their lengths are known.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

/// Made after a close. Without room for it there is none.
void write_closed_list(const std::string& folder);

/// Compares, and takes the list away: what follows changes the files. Without a list all is well.
///
/// Errors: `corrupt` (names the file; the list stays), and those of the system.
[[nodiscard]] result<void> check_closed_list(const std::string& folder);

}  // namespace beam::store::detail
