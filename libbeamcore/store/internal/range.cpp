#include "libbeamcore/store/internal/range.hpp"

#include <algorithm>

#include "libbeamcore/store/store.hpp"

namespace beam::store::detail {

key_range range_of_prefix(std::string_view prefix) {
    // The least string that comes after all of them: the prefix, counted up.
    std::string end(prefix);
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
    if (!end.empty()) ++end.back();
    return {std::string(prefix), std::move(end)};
}

key_range range_of(const scan_options& o) {
    key_range r = range_of_prefix(o.prefix);
    r.first = std::max(r.first, o.first);
    if (!o.last.empty() && (r.last.empty() || o.last < r.last)) r.last = o.last;
    return r;
}

}  // namespace beam::store::detail
