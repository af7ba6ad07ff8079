#include "libbeamcore/dist/internal/acceptances.hpp"

#include <utility>

namespace beam::dist::detail {

bool acceptances::keep(std::string_view name, const order& o) {
    std::lock_guard lock(mutex_);
    const auto at = under_way_.find(std::string(name));
    if (at == under_way_.end()) return false;
    at->second.kept = o;
    return true;
}

void acceptances::begin(const std::string& name) {
    std::lock_guard lock(mutex_);
    ++under_way_[name].count;
}

std::optional<acceptances::order> acceptances::end(const std::string& name) {
    std::lock_guard lock(mutex_);
    const auto at = under_way_.find(name);
    if (--at->second.count > 0) return {};
    std::optional<order> kept = std::move(at->second.kept);
    under_way_.erase(at);
    return kept;
}

}  // namespace beam::dist::detail
