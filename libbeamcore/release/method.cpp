#include "libbeamcore/release/method.hpp"

#include "libbeamcore/term/syntax.hpp"

namespace beam {

request::~request() = default;

tl::unexpected<request_error> refuse_for(const term& reason) {
    if (!reason.is_tagged(atom("store"), 3))
        return refuse("failed", to_string(reason), "beamd logs", 70);
    const auto parts = reason.elements();
    const auto text = parts[2].as_text();
    const std::string why =
        "the store failed: " + (text ? std::string(*text) : to_string(parts[2]));
    if (parts[1] == atom("overloaded")) return refuse("overloaded", why, "beamd doctor", 75);
    if (parts[1] != atom("timeout") && parts[1] != atom("unavailable"))
        return refuse("io", why, "beamd doctor", 74);
    auto unknown = refuse("timeout", why, "beamd doctor", 75);
    unknown.value().applied_unknown = true;
    return unknown;
}

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
