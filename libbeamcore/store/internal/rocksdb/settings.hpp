// How RocksDB is set up: for durable small writes, and for so much memory and no more.
#pragma once

#include <rocksdb/listener.h>
#include <rocksdb/options.h>

#include <memory>

namespace beam::store::detail {

[[nodiscard]] rocksdb::DBOptions database_settings(std::shared_ptr<rocksdb::EventListener> listener,
                                                   std::shared_ptr<rocksdb::Logger> logger);
/// The families of one store share a cache: make it once.
[[nodiscard]] rocksdb::ColumnFamilyOptions family_settings();
[[nodiscard]] rocksdb::WriteOptions write_settings(bool sync);

}  // namespace beam::store::detail
