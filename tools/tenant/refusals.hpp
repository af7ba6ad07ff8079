// Why what is kept in kv could not be read or written, for people.
#pragma once

#include <optional>
#include <string>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/term/term.hpp"

namespace tenant {

/// `shard 17 is unavailable here`, of what kv says: `unavailable` (69).
[[nodiscard]] tl::unexpected<beam::request_error> unavailable(const beam::term& why);

/// Of a failed request of kv's: `unavailable` (69); `overloaded` (75); `timeout` (75, and it may have been done); `bad_record`
/// (65), a key holds what somebody else wrote. `advice` shows what has become of a write. Any other: nothing.
[[nodiscard]] std::optional<beam::request_error> refusal_of(const beam::term& why,
                                                            const std::string& advice);

}  // namespace tenant
