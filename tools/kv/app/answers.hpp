// What the methods answer for what the store said.
#pragma once

#include <string>

#include "libbeamcore/release/method.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/router.hpp"

namespace kv {

[[nodiscard]] tl::unexpected<beam::request_error> malformed(std::string why);
[[nodiscard]] tl::unexpected<beam::request_error> no_such_key(const std::string& key);

/// A request that came to nothing, as what a person can do about it. `key` is one of its keys.
[[nodiscard]] beam::awaitable<beam::request_error> failed(routed_answer a, std::string key,
                                                          bool is_write);

/// The node's short name, as people write it.
[[nodiscard]] std::string short_name(const std::string& address);

}  // namespace kv
