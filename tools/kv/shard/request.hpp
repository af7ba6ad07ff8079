// What clients ask of a shard, and what they are answered.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
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

    friend bool operator==(const operation&, const operation&) = default;
};

/// All of it or nothing: one entry of the log.
struct write_request {
    request_id id;
    std::vector<operation> operations;
    std::chrono::nanoseconds patience{};  ///< from its arrival here
    /// All numbers of this client below it are answered, or nobody waits for their answers any more: the table of
    /// requests forgets them, and none of them is done from then on. Not above the number itself.
    std::uint64_t settled = 0;

    friend bool operator==(const write_request&, const write_request&) = default;
};

/// Some of the keys with a prefix, in their order, as they are at one moment.
struct scan_range {
    enum class kind : std::uint8_t {
        items,
        keys,   ///< values without their bytes
        count,  ///< how many
    };
    std::string prefix;
    std::optional<std::string> after;   ///< beyond this key
    std::size_t items_max = 1000;       ///< of counted ones too
    std::size_t bytes_max = 1U << 20U;  ///< of keys and values, if it is more than one item
    kind what = kind::items;

    friend bool operator==(const scan_range&, const scan_range&) = default;
};

struct expired_key {
    std::string key;
    std::uint64_t version = 0;

    friend bool operator==(const expired_key&, const expired_key&) = default;
};

struct scan_page {
    std::vector<std::pair<std::string, value>> items;
    std::uint64_t count = 0;  ///< of what is there: that of the items, or without them
    std::string last;         ///< the last key that was looked at: one may go on after it
    bool is_end = false;      ///< nothing comes after that
    /// Met and not counted above: expired by the look-up's wall time. Empty in an answer.
    std::vector<expired_key> expired;

    friend bool operator==(const scan_page&, const scan_page&) = default;
};

struct read_request {
    std::string key;
    bool primary_only = false;
    bool stale = false;  ///< a replica may answer however old it is
    std::chrono::nanoseconds patience{};
    bool without_bytes = false;  ///< whether it is there, its version and its time are enough
    std::optional<scan_range> scan = {};  ///< instead of one key; answered by the primary only

    friend bool operator==(const read_request&, const read_request&) = default;
};

/// Why a write is unavailable that min_isr forbids.
inline constexpr const char* too_few_copies = "too few copies";

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
    std::optional<scan_page> page;  ///< a scan's
    bool by_primary = false;
    std::chrono::nanoseconds age{};  ///< of a replica's answer, at most
    store_id hint;
    std::string why;

    friend bool operator==(const answer&, const answer&) = default;
};

}  // namespace kv
