#include "libbeamcore/dist/node_name.hpp"

#include <algorithm>

namespace beam::dist {

namespace {

bool is_name_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-';
}

}  // namespace

bool is_node_name_part(std::string_view part) {
    return !part.empty() && part.size() <= node_name_max &&
           std::all_of(part.begin(), part.end(),
                       [](char c) { return c > ' ' && c <= '~' && c != '@'; });
}

std::optional<node_name_parts> split_node_name(std::string_view full) {
    const auto at = full.find('@');
    if (at == std::string_view::npos || full.size() > node_name_max) return {};
    const node_name_parts parts{full.substr(0, at), full.substr(at + 1)};
    if (!is_node_name_part(parts.name) || !is_node_name_part(parts.host)) return {};
    return parts;
}

bool is_own_node_name(std::string_view full) {
    const auto parts = split_node_name(full);
    return parts && std::all_of(parts->name.begin(), parts->name.end(), is_name_character);
}

}  // namespace beam::dist
