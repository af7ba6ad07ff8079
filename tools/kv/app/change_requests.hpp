// Requests of clients as the operations of a shard, whoever asks and how: checked, and told why they are refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/term/fields.hpp"
#include "tools/kv/shard/request.hpp"

namespace kv {

inline constexpr std::int64_t patience_default_ms = 10'000, patience_max_ms = 600'000;

/// One change of one key, and what must hold before.
struct change_params {
    std::string op = "put";  ///< put, delete, incr, expire
    std::string key;
    std::optional<std::string> value;
    std::optional<std::int64_t> ttl_ms;
    std::int64_t by = 1;
    bool if_absent = false;
    std::optional<std::string> expect;
    std::optional<std::uint64_t> expect_version;
    std::int64_t timeout_ms = patience_default_ms;
    BEAM_FIELDS(change_params, op, key, value, ttl_ms, by, if_absent, expect, expect_version,
                timeout_ms)
};

// Why it is refused, for people; nothing: it is not.

[[nodiscard]] std::optional<std::string> bad_patience(std::int64_t ms);
[[nodiscard]] std::optional<std::string> bad_change(const change_params& p);

/// Of one that bad_change() has nothing against.
[[nodiscard]] operation operation_of(change_params p);

/// Of a transaction. Error: `bad_params`, whose detail says why it is refused.
[[nodiscard]] beam::result<std::vector<operation>> operations_of(std::vector<change_params> all);

[[nodiscard]] std::int64_t wall_ms();

}  // namespace kv
