#include "libbeamcore/dist/internal/epmd_registry.hpp"

namespace beam::dist::detail {

namespace {
// Those up to 3 are what the two bits of old nodes mean.
constexpr std::uint32_t smallest_creation = 4;
}  // namespace

std::optional<std::uint32_t> epmd_registry::add(io::token through, epmd_node node) {
    const std::string name = node.name;
    if (!nodes_.emplace(name, entry{through, std::move(node)}).second) return {};
    names_[through] = name;
    if (next_creation_ < smallest_creation) next_creation_ = smallest_creation;
    return next_creation_++;
}

void epmd_registry::remove(io::token through) {
    const auto found = names_.find(through);
    if (found == names_.end()) return;
    nodes_.erase(found->second);
    names_.erase(found);
}

const epmd_node* epmd_registry::find(std::string_view name) const {
    const auto found = nodes_.find(name);
    return found == nodes_.end() ? nullptr : &found->second.node;
}

std::vector<epmd_name> epmd_registry::names() const {
    std::vector<epmd_name> all;
    for (const auto& [name, e] : nodes_) all.push_back({name, e.node.port});
    return all;
}

}  // namespace beam::dist::detail
