// Scans of an ordered store's tree.
#pragma once

#include <cstddef>
#include <vector>

#include "libbeamcore/ets/internal/ordered_search.hpp"

namespace beam::detail::ets::ordered {

/// As row_source::scan().
bool scan(view from, const scan_from& what, std::size_t wanted, std::vector<term>& found);
/// As row_source::each().
void each(view from, const row_visitor& visit);

}  // namespace beam::detail::ets::ordered
