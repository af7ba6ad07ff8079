#include "libbeamcore/otp/module_table.hpp"

#include <mutex>
#include <utility>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam {

namespace {

std::uint64_t key_of(atom application, atom name) {
    return std::uint64_t(application.index()) << 32 | name.index();
}

const char table_key = 0;

struct births_go_on {
    ref token;
};

}  // namespace

struct module_table::versions {
    module_entry current;
    std::optional<module_entry> old;
};

namespace {

detail::entry_point find_newer(runtime& node, const detail::module_record* caller, atom name) {
    const auto application = existing_atom(caller->name);
    if (!application) return {};
    return module_table::of(node).newer_entry(*application, name, caller);
}

}  // namespace

module_table::module_table() {
    detail::set_entry_finder(&find_newer);
}
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

std::optional<module_entry> module_table::find(const detail::module_record* module,
                                               atom name) const {
    return module ? find(atom(module->name), name) : find(name);
}

detail::entry_point module_table::newer_entry(atom application, atom name,
                                              const detail::module_record* caller) const {
    std::shared_lock guard(lock_);
    auto it = classes_.find(key_of(application, name));
    if (it == classes_.end()) return {};
    const module_entry& current = it->second->current;
    if (!current.factory.entry || current.module == caller) return {};
    // Under the lock: who takes this version out of the table then counts us.
    detail::retain_module(current.module);
    return {current.factory.entry, current.module};
}

void module_table::hold_births(atom application, atom name) {
    std::unique_lock guard(lock_);
    held_.insert(key_of(application, name));
    held_count_.store(held_.size());
}

void module_table::let_births_go(atom application) {
    std::vector<waiting_birth> free;
    {
        std::unique_lock guard(lock_);
        const auto is_its = [&](std::uint64_t key) { return key >> 32 == application.index(); };
        std::erase_if(held_, is_its);
        held_count_.store(held_.size());
        for (const auto& w : waiting_)
            if (is_its(w.key)) free.push_back(w);
        std::erase_if(waiting_, [&](const waiting_birth& w) { return is_its(w.key); });
    }
    for (const auto& w : free) send(w.who, births_go_on{w.token});
}

bool module_table::births_are_held(atom application, atom name) const {
    if (held_count_.load() == 0) return false;
    std::shared_lock guard(lock_);
    return held_.contains(key_of(application, name));
}

awaitable<void> module_table::wait_for_birth(atom application, atom name) {
    self me = this_process();
    while (births_are_held(application, name)) {
        const ref token = make_ref();
        {
            std::unique_lock guard(lock_);
            const auto key = key_of(application, name);
            if (!held_.contains(key)) co_return;
            waiting_.push_back({key, me.id(), token});
        }
        (void)co_await me.receive_if<births_go_on>(
            [token](const births_go_on& m) { return m.token == token; });
    }
}

std::vector<module_entry> module_table::entries() const {
    std::shared_lock guard(lock_);
    std::vector<module_entry> all;
    all.reserve(classes_.size());
    for (const auto& [key, v] : classes_) all.push_back(v->current);
    return all;
}

}  // namespace beam
