// What the methods of the cache have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/term/term.hpp"
#include "tools/cache/app/session.hpp"

namespace cache {

struct key_params {
    std::string key;
    BEAM_FIELDS(key_params, key)
};

[[nodiscard]] beam::answer malformed(std::string why);
[[nodiscard]] beam::answer no_such_key(const std::string& key);
/// The worker died under the request: its supervisor starts it again, the values are where they were.
[[nodiscard]] beam::answer worker_died();
[[nodiscard]] std::optional<std::string> bad_ttl(const std::optional<std::int64_t>& ttl);
/// Milliseconds, or `undefined` for an entry that stays.
[[nodiscard]] beam::term time_left(const session& s, const entry& e);

}  // namespace cache
