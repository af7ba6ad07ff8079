#include "libbeamcore/dist/internal/known_nodes.hpp"

#include <algorithm>
#include <utility>

namespace beam::dist::detail {

void known_nodes::set_members(const discovery& how, atom self) {
    for (const auto& name : how.members) members_.emplace_back(std::string_view(name));
    for (const auto& n : how.nodes) members_.emplace_back(std::string_view(n.name));
    if (members_.empty()) return;
    members_.push_back(self);
    std::sort(members_.begin(), members_.end(), [](atom a, atom b) { return a.name() < b.name(); });
    members_.erase(std::unique(members_.begin(), members_.end()), members_.end());
}

void known_nodes::found(atom node, std::string by) {
    std::lock_guard lock(mutex_);
    facts_[node].found_by = std::move(by);
}

void known_nodes::failed(atom node, const error& why) {
    std::lock_guard lock(mutex_);
    facts_[node].why = why.detail.empty() ? why.code : why.detail;
}

void known_nodes::connected(atom node) {
    std::lock_guard lock(mutex_);
    if (const auto at = facts_.find(node); at != facts_.end()) at->second.why.clear();
}

known_nodes::facts known_nodes::of(atom node) const {
    std::lock_guard lock(mutex_);
    const auto at = facts_.find(node);
    return at == facts_.end() ? facts() : at->second;
}

}  // namespace beam::dist::detail
