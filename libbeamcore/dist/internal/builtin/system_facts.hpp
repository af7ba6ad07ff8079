// erlang:system_info's items.
#pragma once

#include <optional>
#include <string_view>

#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::detail {

/// None: an item that is unknown.
[[nodiscard]] std::optional<term> system_fact(self me, std::string_view item);

}  // namespace beam::dist::detail
