// RocksDB's statuses as errors that name the file.
#pragma once

#include <rocksdb/status.h>

#include <string>

#include "libbeamcore/base/result.hpp"

namespace beam::store::detail {

/// `folder` is named where the status names no file of it.
[[nodiscard]] error rocksdb_failure(const rocksdb::Status& s, const std::string& folder);

}  // namespace beam::store::detail
