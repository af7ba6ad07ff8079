#include "libbeamcore/store/internal/rocksdb/settings.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <utility>

#include "libbeamcore/store/internal/rocksdb/insert_hints.hpp"
#include "libbeamcore/store/internal/rocksdb/log_files.hpp"

namespace beam::store::detail {

namespace {

// What is not yet in a table lies in memory and in the log, which an open after a kill reads again (0.3 s for 50 MB):
// 64 MiB of all databases together. One alone is written out at 16 MiB, so that it can go on while that is done.
constexpr std::size_t write_buffers = std::size_t{64} << 20;
constexpr std::size_t write_buffer = std::size_t{16} << 20;
// Blocks, and the indexes and filters of tables, which would else grow with the data.
constexpr std::size_t block_cache = std::size_t{64} << 20;
// A node has 1024 descriptors for everything, unless it is told otherwise.
constexpr int open_files = 256;

}  // namespace

rocksdb::DBOptions database_settings(std::shared_ptr<rocksdb::EventListener> listener,
                                     std::shared_ptr<rocksdb::Logger> logger) {
    rocksdb::DBOptions o;
    o.env = log_environment();
    o.listeners = {std::move(listener)};
    o.info_log = std::move(logger);
    o.paranoid_checks = true;
    // A record that the log ends in was cut off before it was answered. Any other damage in it is told: the other
    // modes forget what follows it. RocksDB 7 does not use old logs again (recycle_log_file_num) with
    // a mode that tells: it could not know the end of a log that is written over.
    o.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    // A failed sync has lost what it was for; a second one that succeeds says nothing about that.
    o.max_bgerror_resume_count = 0;
    o.db_write_buffer_size = write_buffers;
    o.max_total_wal_size = write_buffers;
    o.max_open_files = open_files;
    o.max_background_jobs = 2;
    // One thread writes; and only then are hints heeded.
    o.allow_concurrent_memtable_write = false;
    // No thread that wakes up to count.
    o.stats_dump_period_sec = 0;
    o.stats_persist_period_sec = 0;
    o.skip_stats_update_on_db_open = true;
    return o;
}

rocksdb::ColumnFamilyOptions family_settings() {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(block_cache);
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    rocksdb::ColumnFamilyOptions o;
    o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    o.write_buffer_size = write_buffer;
    o.max_write_buffer_number = 4;
    o.memtable_insert_with_hint_prefix_extractor = groups_with_hints();
    o.compression = rocksdb::kNoCompression;
    return o;
}

rocksdb::WriteOptions write_settings(bool sync) {
    rocksdb::WriteOptions o;
    o.sync = sync;
    return o;
}

}  // namespace beam::store::detail
