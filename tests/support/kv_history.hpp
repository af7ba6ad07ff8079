// A history of what clients did with one key, and whether one copy, done one thing at a time, could have answered so.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace test {

struct kv_operation {
    enum class kind : std::uint8_t { read, put, remove, compare_and_put };
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

    kind what = kind::read;
    std::string wanted;                // put, compare_and_put: the new value
    std::string expected;              // compare_and_put
    std::optional<std::string> found;  // read
    bool refused = false;              // compare_and_put: another value was there
    std::int64_t called = 0,
                 answered =
                     never;  // never: it may happen at any time after the call, or not at all
};

/// Wing and Gong's search, with a memory of what was tried (Lowe). Values are unique, or empty for none.
[[nodiscard]] bool is_linearizable(const std::vector<kv_operation>& history);

}  // namespace test
