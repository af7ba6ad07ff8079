// What a request comes to, with the values that are there.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/request.hpp"

namespace kv {

struct evaluation {
    outcome result;  ///< its version is for the caller to set
    std::vector<change> changes;
};

/// The newest value of a key, prepared ones too.
using newest_value = std::function<std::optional<value>(const std::string& key)>;

/// All operations, or none if one expectation does not hold. What has expired by `wall_ms` is not there: its removal is
/// among the changes, also of a request that is refused, so that it is gone for everybody. A put or remove that expects
/// nothing does not look what is there.
[[nodiscard]] evaluation evaluate(const write_request& request, const newest_value& newest,
                                  std::int64_t wall_ms);

}  // namespace kv
