// Where the logs of a store end that was not closed, and whether they end as logs do.
//
// What was being written as the machine stopped is the last record, and was not answered: it is left out. But a wrong bit can
// make a record look so. Two kinds of logs:
//
// - One without room behind its end (the list of tables, and logs of older versions). RocksDB takes a record that reaches
//   beyond the end of the file for the last one, and forgets it with all that follows in its block. Where another
//   record follows whole, it is damaged.
// - One with room (log_files.hpp): behind the end are zeros. RocksDB would take what a record lacks for damage, so it is
//   cut off here. A part of it that never came to the disk is zeros, whole sectors of them; what has none is damaged.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

struct log_checks {
    bool cut_room = false;  ///< of logs what is behind their end, too
    /// The machine stopped under a store that had not synced all: any page of a log of writes may be missing. Such a log ends before the first
    /// record that is not whole for that reason, and so do all the logs: what follows in it, and the newer ones, are left out.
    bool may_have_holes = false;
};

/// Looks at the end of each log, and cuts off a record that was not written whole. What is in the records before is left to
/// RocksDB, unless there may be holes.
///
/// Errors: `corrupt` (names the file), and those of the system.
[[nodiscard]] result<void> check_logs(const std::string& folder, log_checks what = {});

}  // namespace beam::store::detail
