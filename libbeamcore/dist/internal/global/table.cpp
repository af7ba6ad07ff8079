#include "libbeamcore/dist/internal/global/table.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "libbeamcore/runtime/detail/local.hpp"

namespace beam::dist::detail {

namespace {
const char global_table_key = 0;
}  // namespace

global_table& global_table::of(runtime& node) {
    return *static_cast<global_table*>(beam::detail::runtime_local(
        node, &global_table_key, [](runtime&) -> void* { return new global_table; },
        [](void* t) noexcept { delete static_cast<global_table*>(t); }));
}

std::optional<global_name_entry> global_table::find(const term& name) const {
    std::shared_lock guard(mutex_);
    const auto at = names_.find(name);
    return at == names_.end() ? std::nullopt : std::optional(at->second);
}

std::optional<pid> global_table::where(const term& name) const {
    pid who;
    {
        std::shared_lock guard(mutex_);
        const auto at = names_.find(name);
        if (at == names_.end()) return {};
        who = at->second.who;
    }
    if (who.is_local() && !beam::detail::pid_exists(who)) return {};
    return who;
}

std::vector<term> global_table::names() const {
    std::vector<term> all;
    std::shared_lock guard(mutex_);
    all.reserve(names_.size());
    for (const auto& [name, e] : names_) all.push_back(name);
    return all;
}

term global_table::exchange_list() const {
    std::vector<term> all;
    std::shared_lock guard(mutex_);
    all.reserve(names_.size());
    for (const auto& [name, e] : names_) all.push_back(tuple(name, e.who, e.method));
    return list_of(std::move(all));
}

std::optional<term> global_table::name_of(const pid& who) const {
    std::shared_lock guard(mutex_);
    const auto at = names_of_.find(who);
    return at == names_of_.end() ? std::nullopt : std::optional(at->second.front());
}

void global_table::insert(const term& name, global_name_entry e) {
    std::unique_lock guard(mutex_);
    names_of_[e.who].push_back(name);
    names_.insert_or_assign(name, std::move(e));
}

std::optional<global_name_entry> global_table::remove(const term& name) {
    std::unique_lock guard(mutex_);
    const auto at = names_.find(name);
    if (at == names_.end()) return {};
    global_name_entry gone = std::move(at->second);
    names_.erase(at);
    const auto of = names_of_.find(gone.who);
    of->second.erase(std::find(of->second.begin(), of->second.end(), name));
    if (of->second.empty()) names_of_.erase(of);
    return gone;
}

bool global_table::can_set(const term& id) const {
    const auto e = id.elements();
    if (e.size() != 2) return false;
    std::shared_lock guard(mutex_);
    const auto at = locks_.find(e[0]);
    return at == locks_.end() || at->second.requester == e[1];
}

bool global_table::is_locked(const term& resource) const {
    std::shared_lock guard(mutex_);
    return locks_.contains(resource);
}

std::optional<global_table::lock> global_table::find_lock(const term& resource) const {
    std::shared_lock guard(mutex_);
    const auto at = locks_.find(resource);
    return at == locks_.end() ? std::nullopt : std::optional(at->second);
}

void global_table::put_lock(const term& resource, lock l) {
    std::unique_lock guard(mutex_);
    locks_.insert_or_assign(resource, std::move(l));
}

void global_table::remove_lock(const term& resource) {
    std::unique_lock guard(mutex_);
    locks_.erase(resource);
}

void global_table::clear() {
    std::unique_lock guard(mutex_);
    names_.clear();
    names_of_.clear();
    locks_.clear();
}

}  // namespace beam::dist::detail
