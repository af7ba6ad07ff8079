// key_range: the keys from a first one on, up to one that is not in it.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam::store {
struct scan_options;
}

namespace beam::store::detail {

/// Bytewise. An empty `first` is the beginning, an empty `last` the end.
struct key_range {
    std::string first{};
    std::string last{};

    [[nodiscard]] bool holds(std::string_view key) const {
        return key >= first && (last.empty() || key < last);
    }
    [[nodiscard]] bool is_everything() const { return first.empty() && last.empty(); }
    [[nodiscard]] bool is_nothing() const { return !last.empty() && last <= first; }
};

/// All that begin so.
[[nodiscard]] key_range range_of_prefix(std::string_view prefix);
/// What a scan may show, whatever page it is at.
[[nodiscard]] BEAM_EXPORT key_range range_of(const scan_options& options);

}  // namespace beam::store::detail
