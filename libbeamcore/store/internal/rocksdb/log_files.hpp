// log_files: the files in which RocksDB keeps its logs, made so that a sync of them writes what is new in them and nothing else.
#pragma once

#include <rocksdb/env.h>

namespace beam::store::detail {

/// Logs are made with the size they will have: one that grows writes its inode with each sync, too. What is behind the
/// last record reads as zeros, and is cut off when the log is closed; where a log ends that was not, log_check.hpp knows.
///
/// And those zeros are written some way ahead of the records. What was only allocated, a file system turns into written
/// blocks with the first sync of each, in its journal and on a thread of its own: 9000 bytes a sync take 193 us on an ext4,
/// 130 where zeros were, those for the zeros included.
///
/// Before a log is made the others in its folder are synced, whatever was written without: where one of them ends too early because its
/// last pages are missing, nothing but what stands in a newer one could show it, and that must not be on the disk before them.
///
/// Never freed, as RocksDB's own is: threads of a closed database may still use it.
[[nodiscard]] rocksdb::Env* log_environment();

}  // namespace beam::store::detail
