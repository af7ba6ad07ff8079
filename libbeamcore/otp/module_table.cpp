#include "libbeamcore/otp/module_table.hpp"

#include <mutex>
#include <utility>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam {

namespace {

std::uint64_t key_of(atom application, atom name) {
    return std::uint64_t(application.index()) << 32 | name.index();
}

const char table_key = 0;

}  // namespace

struct module_table::versions {
    module_entry current;
    std::optional<module_entry> old;
};

module_table::module_table() = default;
module_table::~module_table() = default;

module_table& module_table::of(runtime& node) {
    void* found = detail::runtime_local(
        node, &table_key, [](runtime&) -> void* { return new module_table; },
        [](void* t) noexcept { delete static_cast<module_table*>(t); });
    return *static_cast<module_table*>(found);
}

module_table& module_table::current() {
    return of(this_process().node());
}

void module_table::publish(std::vector<module_entry> entries) {
    std::unique_lock guard(lock_);
    for (auto& e : entries) {
        auto& place = classes_[key_of(e.application, e.name)];
        if (!place) {
            place = std::make_unique<versions>(versions{std::move(e), {}});
        } else {
            place->old = std::exchange(place->current, std::move(e));
        }
    }
}

void module_table::remove(atom application, atom name) {
    std::unique_lock guard(lock_);
    classes_.erase(key_of(application, name));
}

void module_table::forget_old(atom application) {
    std::unique_lock guard(lock_);
    for (auto& [key, v] : classes_)
        if (v->current.application == application) v->old.reset();
}

std::optional<module_entry> module_table::find(atom application, atom name) const {
    std::shared_lock guard(lock_);
    auto it = classes_.find(key_of(application, name));
    if (it == classes_.end()) return std::nullopt;
    return it->second->current;
}

std::optional<module_entry> module_table::find_old(atom application, atom name) const {
    std::shared_lock guard(lock_);
    auto it = classes_.find(key_of(application, name));
    if (it == classes_.end()) return std::nullopt;
    return it->second->old;
}

std::optional<module_entry> module_table::find(atom name) const {
    std::shared_lock guard(lock_);
    const module_entry* found = nullptr;
    for (const auto& [key, v] : classes_) {
        if (v->current.name != name) continue;
        if (found) return std::nullopt;
        found = &v->current;
    }
    if (!found) return std::nullopt;
    return *found;
}

std::vector<module_entry> module_table::entries() const {
    std::shared_lock guard(lock_);
    std::vector<module_entry> all;
    all.reserve(classes_.size());
    for (const auto& [key, v] : classes_) all.push_back(v->current);
    return all;
}

}  // namespace beam
