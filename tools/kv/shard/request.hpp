// What clients ask of a shard, and what they are answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/ids.hpp"

namespace kv {

struct operation {
    enum class kind : std::uint8_t {
        put,
        remove,
        add,     ///< `amount` to a decimal number; a missing one is 0
        expire,  ///< another `expires_ms` for what is there
    };
    kind what = kind::put;
    std::string key;
    std::string bytes;
    std::int64_t amount = 0;
    std::int64_t expires_ms = 0;                       ///< wall time; 0: never
    std::optional<std::uint64_t> expect_version = {};  ///< 0: there must be none
    std::optional<std::string> expect_bytes = {};
};

/// All of it or nothing: one entry of the log.
struct write_request {
    request_id id;
    std::vector<operation> operations;
    std::chrono::nanoseconds patience{};  ///< from its arrival here
};

struct read_request {
    std::string key;
    bool primary_only = false;
    bool stale = false;  ///< a replica may answer however old it is
    std::chrono::nanoseconds patience{};
};

struct answer {
    enum class kind : std::uint8_t {
        done,         ///< on disk on every member of the in-sync set
        refused,      ///< an expectation did not hold; nothing was changed
        found,        ///< a read: `found` and who answered
        not_primary,  ///< nothing was written; `hint` may be it. To be asked again under the same id
        busy,         ///< nothing was written: too much waits here
        unavailable,  ///< nothing was written; `why` says what is missing
        unknown,      ///< may or may not have been written
    };
    kind what = kind::unknown;
    outcome result;
    std::optional<value> found;
    bool by_primary = false;
    std::chrono::nanoseconds age{};  ///< of a replica's answer, at most
    store_id hint;
    std::string why;
};

}  // namespace kv
