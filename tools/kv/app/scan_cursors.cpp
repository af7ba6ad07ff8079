#include "tools/kv/app/scan_cursors.hpp"

#include <utility>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "tools/kv/app/names.hpp"

namespace kv {

std::uint64_t cursor_table::keep(scan_place place) {
    constexpr std::uint64_t bits = (std::uint64_t{1} << 53U) - 1;
    std::uint64_t cursor = 0;
    while (cursor == 0 || by_number_.contains(cursor)) cursor = beam::secure_random_64() & bits;
    places_.emplace_front(cursor, std::move(place));
    by_number_.emplace(cursor, places_.begin());
    if (places_.size() > most_) {
        by_number_.erase(places_.back().first);
        places_.pop_back();
    }
    return cursor;
}

std::optional<scan_place> cursor_table::find(std::uint64_t cursor) {
    const auto it = by_number_.find(cursor);
    if (it == by_number_.end()) return std::nullopt;
    places_.splice(places_.begin(), places_, it->second);
    return it->second->second;
}

beam::future<std::uint64_t> scan_cursors::keep(scan_place place) {
    return beam::call<keep_place>(cursors_name(), std::move(place));
}
beam::future<std::optional<scan_place>> scan_cursors::find(std::uint64_t cursor) {
    return beam::call<find_place>(cursors_name(), cursor);
}

scan_cursors::scan_cursors() {
    beam::register_name(cursors_name(), id());
}

}  // namespace kv
