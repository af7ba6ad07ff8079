// What raises badarg in tables, with a text.
#pragma once

#include <string>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail::ets {

[[noreturn]] inline void bad(std::string why) {
    throw beam::ets::bad_argument(std::move(why));
}

inline std::string shown(const term& t) {
    return to_string(t, {.max_bytes = 80});
}

/// Raises badarg unless it is a tuple that has the key.
inline void check_row(const term& row, std::size_t keypos) {
    if (row.elements().size() >= keypos) return;
    bad(shown(row) + (row.is_tuple() ? " has no element " + std::to_string(keypos) + ", the key"
                                     : " is not a tuple"));
}

}  // namespace beam::detail::ets
