#include "libbeamcore/runtime/name.hpp"

#include <algorithm>

#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

namespace beam {

namespace detail {

name_table::outcome name_table::add(atom name, pid p) {
    std::unique_lock lock(mutex_);
    if (owners_.contains(p)) return outcome::has_name;
    if (!names_.emplace(name, p).second) return outcome::taken;
    owners_.emplace(p, name);
    return outcome::ok;
}

bool name_table::remove(atom name, pid* owner) {
    std::unique_lock lock(mutex_);
    auto it = names_.find(name);
    if (it == names_.end()) return false;
    if (owner) *owner = it->second;
    owners_.erase(it->second);
    names_.erase(it);
    return true;
}

void name_table::forget(atom name, pid p) {
    std::unique_lock lock(mutex_);
    auto it = names_.find(name);
    if (it == names_.end() || it->second != p) return;
    names_.erase(it);
    owners_.erase(p);
}

std::optional<pid> name_table::find(atom name) const {
    std::shared_lock lock(mutex_);
    auto it = names_.find(name);
    return it == names_.end() ? std::nullopt : std::optional(it->second);
}

std::optional<atom> name_table::name_of(pid p) const {
    std::shared_lock lock(mutex_);
    auto it = owners_.find(p);
    return it == owners_.end() ? std::nullopt : std::optional(it->second);
}

std::vector<atom> name_table::all() const {
    std::shared_lock lock(mutex_);
    std::vector<atom> result;
    for (auto& [name, p] : names_) result.push_back(name);
    return result;
}

void label_table::set(pid p, term label) {
    std::unique_lock lock(mutex_);
    labels_.insert_or_assign(p, std::move(label));
}

void label_table::forget(pid p) {
    std::unique_lock lock(mutex_);
    labels_.erase(p);
}

term label_table::of(pid p) const {
    std::shared_lock lock(mutex_);
    auto it = labels_.find(p);
    return it == labels_.end() ? term(atoms::undefined) : it->second;
}

bool in_process(pid p, callback<void(process_block*)> change) {
    process_block* me = current();
    if (p == me->pid()) {
        change(me);
        return true;
    }
    auto* s = make_signal<system_signal>(signal_kind::system);
    s->code = std::move(change);
    if (me->node->deliver(p, s)) return true;
    free_signal(s);
    return false;
}

}  // namespace detail

using namespace detail;

bool try_register_name(atom name, pid process) {
    runtime_impl& node = *current()->node;
    if (name == atoms::undefined || !node.find(process)) return false;
    if (node.names.add(name, process) != name_table::outcome::ok) return false;
    // The name goes with the process: it, or its exit if that came first, sees to it.
    const bool alive = in_process(process, [name, process, &node](process_block* pb) {
        if (pb)
            pb->more().name = name;
        else
            node.names.forget(name, process);
    });
    if (!alive) node.names.forget(name, process);
    return alive;
}

void register_name(atom name, pid process) {
    if (!try_register_name(name, process)) raise(atoms::badarg);
}

void unregister_name(atom name) {
    pid owner;
    if (!current()->node->names.remove(name, &owner)) raise(atoms::badarg);
    in_process(owner, [name](process_block* pb) {
        // Unless somebody has registered it again and was quicker.
        if (pb && pb->extra && pb->extra->name == name && pb->node->names.find(name) != pb->pid())
            pb->extra->name.reset();
    });
}

std::optional<pid> whereis(atom name) {
    runtime_impl& node = *current()->node;
    auto p = node.names.find(name);
    if (p && !node.find(*p)) return {};
    return p;
}

std::vector<atom> registered_names() {
    return current()->node->names.all();
}

}  // namespace beam
