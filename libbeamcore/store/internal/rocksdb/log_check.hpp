// Whether the logs of a store that was not closed end where they were cut off.
//
// RocksDB takes a record that reaches beyond the end of its file for the one that was being written as the machine
// stopped, and forgets it with all that follows in its block. One wrong bit in a record's length makes it look so. But
// what was being written is the last: where another record follows whole, this one is damaged.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

/// Looks at the last block of each log, and of the list of tables, which is such a log, too. What is in the records is
/// left to RocksDB.
///
/// Errors: `corrupt` (names the file), and those of the system.
[[nodiscard]] result<void> check_logs(const std::string& folder);

}  // namespace beam::store::detail
