// How a match specification goes over rows: by key, over a range of keys, or over all.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "libbeamcore/ets/internal/table_store.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/term/match.hpp"

namespace beam::ets::detail {

/// What a continuation holds.
struct scan_state {
    table of;
    match_spec spec;
    select_limit limit;
    bool reverse = false;
    std::optional<term> after = {};  // a key; none: the beginning
    std::vector<term> surplus = {};  // results that the limit had no room for
    bool at_end = false;             // there is nothing behind the surplus
};

}  // namespace beam::ets::detail

namespace beam::detail::ets {

inline constexpr std::size_t rows_at_once = 200;

/// Which rows a specification's pattern can match, by the key in it.
class key_bound {
public:
    key_bound(const match_spec& spec, std::size_t keypos, bool ordered);

    /// One key, or null.
    [[nodiscard]] const term* whole() const { return whole_; }
    /// For scan_from: the keys that begin as the pattern does; sets nothing where all keys can match.
    void limit(scan_from& from) const;

    [[nodiscard]] const term& key_of(const term& row) const { return row.elements()[key_at_]; }

private:
    std::size_t key_at_;
    const term* whole_ = nullptr;
    const term* beginning_ = nullptr;
};

/// Shows the rows that the pattern can match, in order where the source is ordered; in a read_section.
void visit_rows(const row_source& source, const key_bound& bound, const row_visitor& visit);

/// visit_rows with a function.
template <class F>
void for_rows(const row_source& source, const key_bound& bound, F f) {
    visit_rows(source, bound,
               {[](void* context, const term& row) {
                    (*static_cast<F*>(context))(row);
                    return true;
                },
                &f});
}

}  // namespace beam::detail::ets
