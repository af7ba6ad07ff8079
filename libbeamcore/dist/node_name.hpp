// Names of nodes: `name@host`.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam::dist {

inline constexpr std::size_t node_name_max = 255;  ///< bytes: it is an atom

/// Views into what was split.
struct node_name_parts {
    std::string_view name;  ///< what EPMD knows
    std::string_view host;
};

/// None: it is no node's name. That has one `@`, something on both sides of it, and is of visible ASCII characters.
[[nodiscard]] BEAM_EXPORT std::optional<node_name_parts> split_node_name(std::string_view full);

/// Whether it may stand before or behind the `@`.
[[nodiscard]] BEAM_EXPORT bool is_node_name_part(std::string_view part);

/// Whether a node of ours may be called so: letters, digits, `_` and `-` before the `@`, as OTP wants it.
[[nodiscard]] BEAM_EXPORT bool is_own_node_name(std::string_view full);

}  // namespace beam::dist
