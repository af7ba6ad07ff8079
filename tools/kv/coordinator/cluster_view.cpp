#include "tools/kv/coordinator/cluster_view.hpp"

#include <algorithm>

namespace kv {

std::string_view to_string(store_state state) {
    switch (state) {
        case store_state::in:
            return "in";
        case store_state::out:
            return "out";
        case store_state::draining:
            return "draining";
        case store_state::removed:
            return "removed";
    }
    return "";
}

const store_entry* cluster_view::find_store(const store_id& id) const {
    const auto it = std::find_if(stores.begin(), stores.end(),
                                 [&](const store_entry& s) { return s.id == id; });
    return it == stores.end() ? nullptr : &*it;
}

const store_entry* cluster_view::store_of(std::string_view node) const {
    const auto it = std::find_if(stores.rbegin(), stores.rend(),
                                 [&](const store_entry& s) { return s.node == node; });
    return it == stores.rend() ? nullptr : &*it;
}

std::string_view cluster_view::node_of(const store_id& id) const {
    const store_entry* s = find_store(id);
    return s ? std::string_view(s->node) : std::string_view();
}

const member* cluster_view::find_member(std::string_view node) const {
    const auto it = std::find_if(members.begin(), members.end(),
                                 [&](const member& m) { return m.node == node; });
    return it == members.end() ? nullptr : &*it;
}

const store_entry* cluster_view::heir_of(const store_id& lost) const {
    const store_entry* const was = find_store(lost);
    const store_entry* const is = was ? store_of(was->node) : nullptr;
    // Stores are in the order of their creation, so the way back ends.
    for (const store_entry* s = is; s && !s->after.is_none();) {
        if (s->after == lost) return is;
        const store_entry* const before = find_store(s->after);
        s = before && before->order < s->order ? before : nullptr;
    }
    return nullptr;
}

bool cluster_view::is_left_on(const store_entry& store, const shard_record& record) const {
    return std::any_of(record.isr.begin(), record.isr.end(), [&](const store_id& m) {
        if (m == store.id) return true;
        const store_entry* const heir = heir_of(m);
        return heir && heir->id == store.id;
    });
}

std::vector<store_id> cluster_view::plan_of(std::uint32_t shard) const {
    std::vector<store_id> row;
    if (shard >= plan.shards.size()) return row;
    for (const std::string& node : plan.shards[shard])
        if (const store_entry* s = store_of(node)) row.push_back(s->id);
    return row;
}

std::vector<std::string> cluster_view::nodes_in() const {
    std::vector<std::string> nodes;
    for (const store_entry& s : stores)
        if (s.state == store_state::in && store_of(s.node) == &s) nodes.push_back(s.node);
    std::sort(nodes.begin(), nodes.end());
    return nodes;
}

}  // namespace kv
