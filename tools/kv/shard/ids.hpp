// What things are called: stores, places in a log, requests.
#pragma once

#include <compare>
#include <cstdint>

namespace kv {

/// A data directory: 128 random bits, written when it is made. Sets name stores, not nodes: a node that returns
/// with an empty disk is a new store and holds nothing. All zero: none.
struct store_id {
    std::uint64_t high = 0, low = 0;

    friend auto operator<=>(const store_id&, const store_id&) = default;
    [[nodiscard]] bool is_none() const { return high == 0 && low == 0; }
};

/// An entry's place in a shard's log. No two entries have the same: one primary writes in an epoch, and each
/// number once. So logs that have the same point in them are the same up to it.
struct log_point {
    std::uint64_t epoch = 0, seq = 0;

    friend auto operator<=>(const log_point&, const log_point&) = default;
};

/// A client's request, the same over all retries and routes. Numbers grow. Client 0: not a client's.
struct request_id {
    std::uint64_t client = 0, number = 0;

    friend auto operator<=>(const request_id&, const request_id&) = default;
};

}  // namespace kv
