// What a batch expects of a key before it is done: the same for every engine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "libbeamcore/store/internal/engine.hpp"

namespace beam::store::detail {

[[nodiscard]] inline bool meets(const operation& op, std::optional<std::string_view> actual) {
    return op.what == operation::kind::expect ? actual == std::string_view(op.value) : !actual;
}

/// The answer to a request one of whose expectations was not met.
inline void refuse(pending_write& w, const operation& op, std::optional<std::string_view> actual) {
    w.answer.applied = false;
    if (actual) w.answer.actual = std::string(*actual);
    if (w.is_cas) return;
    w.answer.code = "conflict";
    w.answer.detail = op.key;
}

}  // namespace beam::store::detail
