// What the methods' answers have in common.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/release/method.hpp"

namespace presence {

/// A request that makes no sense: exit 2.
[[nodiscard]] tl::unexpected<beam::request_error> malformed(std::string why);
/// Nobody sees that user here: exit 1.
[[nodiscard]] tl::unexpected<beam::request_error> not_here(const std::string& user);
/// Why a session has no entry, from the tracker's code.
[[nodiscard]] tl::unexpected<beam::request_error> refused(std::string_view code,
                                                          const std::string& user);

/// What a request failed for, passed on.
template <class T>
[[nodiscard]] tl::unexpected<beam::request_error> pass(tl::expected<T, beam::request_error>& r) {
    return tl::unexpected<beam::request_error>(std::move(r.error()));
}

}  // namespace presence
