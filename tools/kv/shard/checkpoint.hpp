// What a start needs to know of a shard beside the newest entries of its log, so that it need not read all of that.
#pragma once

#include <cstdint>
#include <vector>

#include "tools/kv/shard/dedup_table.hpp"
#include "tools/kv/shard/ids.hpp"

namespace kv {

/// How many bytes the entries of a log up to `seq` have, of all that it ever had.
struct log_mark {
    std::uint64_t seq = 0, bytes = 0;

    friend bool operator==(const log_mark&, const log_mark&) = default;
};

/// What of a log is known without its entries.
struct log_shape {
    std::vector<log_point> runs;  ///< the last point of each epoch
    std::vector<log_mark> marks;  ///< now and then one, of what is applied
    std::uint64_t bytes = 0;      ///< of what is applied

    friend bool operator==(const log_shape&, const log_shape&) = default;
};

struct checkpoint {
    std::uint64_t seq = 0;  ///< applied; a start reads the log's entries after it
    dedup_table requests;   ///< as of `seq`
    log_shape log;          ///< up to `seq`
    log_point reflects;     ///< the state may have what came up to this, from a snapshot; 0: no
    std::uint64_t installed = 0;  ///< the last snapshot's transfer

    friend bool operator==(const checkpoint&, const checkpoint&) = default;
};

}  // namespace kv
