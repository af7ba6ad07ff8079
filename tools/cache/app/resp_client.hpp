// One client that speaks RESP: what its commands see of it, and the table of commands.
#pragma once

#include <cstdint>
#include <span>

#include "tools/cache/app/session.hpp"
#include "tools/resp/commands.hpp"
#include "tools/resp/options.hpp"

namespace cache {

using resp::arguments;

struct resp_client : resp::client {
    session data;
};

using resp_command = resp::command<resp_client>;

[[nodiscard]] const resp::command_index<resp_client>& all_commands();

// Where they are defined.
[[nodiscard]] std::span<const resp_command> value_commands();
[[nodiscard]] std::span<const resp_command> key_commands();
[[nodiscard]] std::span<const resp_command> server_commands();

/// When something expires, by the clock that entries are kept by.
[[nodiscard]] std::optional<std::int64_t> expiry_of(const session& s, resp::time_unit unit,
                                                    std::int64_t amount);

}  // namespace cache
