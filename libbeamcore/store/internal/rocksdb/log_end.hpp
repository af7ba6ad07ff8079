// The end of one of RocksDB's logs. Plain values: the file is log_check's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace beam::store::detail {

enum class log_verdict : std::uint8_t {
    whole,    ///< or what RocksDB tells, or leaves out, by itself
    torn,     ///< its last record was not written whole, and nothing follows it
    damaged,  ///< a record is not what it was, and others follow it
};

enum class log_kind : std::uint8_t { writes, tables };

struct log_end {
    log_verdict verdict = log_verdict::whole;
    std::size_t at = 0;    ///< where it ends: torn, before that record
    bool is_empty = true;  ///< nothing was ever written
};

/// `log` is all of the file.
[[nodiscard]] log_end find_log_end(std::string_view log, log_kind kind);

/// Of a log of writes of which any page may be missing: `torn` before the first write that has a part that was never
/// written, whatever follows; else `whole`, which says nothing of damage (find_log_end() does of the end, RocksDB of the rest).
[[nodiscard]] log_end find_first_hole(std::string_view log);

}  // namespace beam::store::detail
