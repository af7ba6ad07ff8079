// What the tests of the ordered store share.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "libbeamcore/ets/internal/table_store.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"

namespace ordered_test {

using beam::term;
using beam::detail::read_section;
using beam::detail::ets::row_source;
using beam::detail::ets::scan_from;
using beam::detail::ets::table_store;

inline std::optional<term> find(const row_source& rows, const term& key) {
    read_section reading;
    beam::ets::rows found;
    rows.find(key, found);
    if (found.empty()) return {};
    return found.front();
}

inline void insert(table_store& rows, term row) {
    read_section reading;
    rows.insert(std::move(row));
}

inline std::optional<term> take(table_store& rows, const term& key) {
    read_section reading;
    beam::ets::rows taken;
    rows.erase(key, &taken);
    if (taken.empty()) return {};
    return taken.front();
}

/// All rows, `wanted` at a time, each time on from the last key.
inline std::vector<term> all(const row_source& rows, std::size_t wanted, scan_from from = {}) {
    std::vector<term> found;
    for (bool goes_on = true; goes_on;) {
        read_section reading;
        term last;
        if (!found.empty()) {
            last = found.back().elements()[0];
            from.after = &last;
        }
        auto before = found.size();
        goes_on = rows.scan(from, wanted, found) && found.size() > before;
    }
    return found;
}

inline void reclaim_all() {
    while (!beam::detail::reclaim_now()) {
    }
}

}  // namespace ordered_test
