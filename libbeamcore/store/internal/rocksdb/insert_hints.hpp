// Where a key goes in a memtable: RocksDB starts its search there where the last key of the same group went in. A log's next
// entry, a group's next key: without a hint each is searched for from the top of a list of a hundred thousand, which was half of
// what the store's thread did for small writes.
#pragma once

#include <rocksdb/slice_transform.h>

#include <memory>

namespace beam::store::detail {

/// A group is the keys that begin with the same number of two bytes, big endian and below 4096; a hint takes 200 bytes of the
/// memtable, so there are none for keys that begin with anything else. Only heeded where one thread writes.
[[nodiscard]] std::shared_ptr<const rocksdb::SliceTransform> groups_with_hints();

/// Whether RocksDB would use a hint for that key. It must not be where a range begins that is erased: RocksDB 7 keeps
/// those in a list of their own, takes the hint of the other for it, and aborts.
[[nodiscard]] bool has_hint(const rocksdb::Slice& key);

}  // namespace beam::store::detail
