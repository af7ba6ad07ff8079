#include "libbeamcore/release/method.hpp"

namespace beam {

request::~request() = default;

namespace detail {

const term* parameter(const term& params, atom name) noexcept {
    if (const term* found = params.map_find(term(name))) return found;
    return params.map_find(term(name.name()));
}

term known_atom(const term& text) {
    const auto bytes = text.as_text();
    if (!bytes) return text;
    if (*bytes == "true" || *bytes == "false") return text;
    const auto a = existing_atom(*bytes);
    return a ? term(*a) : text;
}

answer bad_parameters(const error& e) {
    return refuse("bad_params", e.detail.empty() ? e.code : e.detail, {}, 2);
}

}  // namespace detail

}  // namespace beam
