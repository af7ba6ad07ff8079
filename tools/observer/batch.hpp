// observer without a terminal: a page printed once, or again and again.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/common/tool.hpp"
#include "tools/observer/lines.hpp"

namespace observer {

/// One page: how it is asked for, and how its answer looks.
struct page {
    std::function<nlohmann::json(beam::client&)> ask;
    std::function<lines(const nlohmann::json&)> show;
};

/// `-n`, `--every` and `--for`.
struct repetition {
    std::uint64_t count = 1;  ///< 0: for ever
    std::chrono::nanoseconds every = std::chrono::seconds(2);
    std::optional<std::chrono::nanoseconds> for_time;
};

/// Prints the page as often as `how` says: text with an empty line between, JSON a line each. From the
/// second time on processes have `reductions_per_s`.
beam::tool::exit_code print_page(beam::client& node, const page& what, const repetition& how);

}  // namespace observer
