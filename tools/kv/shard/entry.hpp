// What a log holds: entries, which are results and not commands, so that applying one again changes nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/kv/shard/ids.hpp"

namespace kv {

struct value {
    std::string bytes;
    std::uint64_t version = 0;    ///< seq of the entry that wrote it
    std::int64_t expires_ms = 0;  ///< wall time; 0: never

    friend bool operator==(const value&, const value&) = default;
};

/// One key's new value, or its removal.
struct change {
    std::string key;
    std::optional<std::string> bytes;
    std::int64_t expires_ms = 0;

    friend bool operator==(const change&, const change&) = default;
};

/// What the client is told of its request, now or when it asks again.
struct outcome {
    bool done = true;  ///< false: an expectation did not hold, and nothing was changed
    std::uint64_t version = 0;
    std::string detail;  ///< the number after an `add`; why it was not done

    friend bool operator==(const outcome&, const outcome&) = default;
};

struct entry {
    log_point at;
    request_id
        id;  ///< client 0: the primary's own: the first of an epoch, or a removal of what expired
    outcome result;
    std::vector<change> changes;
    std::uint64_t settled = 0;  ///< all numbers of this client below it are answered
    /// The age of the shard: grows with the local clock of the primaries, never jumps. Of it the table of
    /// requests knows what is old.
    std::uint64_t age_ms = 0;

    friend bool operator==(const entry&, const entry&) = default;
};

/// About what it takes in memory and on disk, in bytes.
[[nodiscard]] inline std::size_t size_of(const entry& e) {
    std::size_t all = 64 + e.result.detail.size();
    for (const change& c : e.changes) all += 32 + c.key.size() + (c.bytes ? c.bytes->size() : 0);
    return all;
}

}  // namespace kv
