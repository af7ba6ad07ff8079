// Snapshots of a tree, clearing it, and how many nodes at once are given back without stopping anybody for long.
#include <algorithm>
#include <utility>

#include "libbeamcore/ets/internal/ordered_tree.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"

namespace beam::detail::ets::ordered {

// Behind the closed gate.
void tree::replace_root(node* root) noexcept {
    // Without writers this lock cannot fail; it is for the readers.
    locked_node lock(*anchor_, anchor_->stable_version());
    anchor_->set_child(0, root);
}

// -- snapshots ------------------------------------------------------------------------------------

tree::frozen_tree tree::freeze() {
    closed_gate closed(*this);
    std::lock_guard lock(mutex_);
    live_.reserve(live_.size() + 1);
    auto number = epoch_.load(std::memory_order_relaxed);
    epoch_.store(number + 1, std::memory_order_relaxed);
    frozen_.store(number, std::memory_order_release);
    live_.push_back(number);
    return {anchor_->child(0), number, gate_.rows()};
}

void tree::unfreeze(std::uint64_t number) noexcept {
    std::vector<node*> freed;
    std::size_t bytes = 0;
    {
        std::lock_guard lock(mutex_);
        live_.erase(std::find(live_.begin(), live_.end(), number));
        // Pairs with the acquire of writers: what the snapshot's readers read was read before it is changed.
        frozen_.store(live_.empty() ? 0 : live_.back(), std::memory_order_release);
        auto kept = held_.begin();
        for (const auto& held : held_) {
            if (is_covered(*held.node, held.died)) {
                *kept++ = held;
                continue;
            }
            freed.push_back(held.node);
            bytes += held.node->bytes();
        }
        held_.erase(kept, held_.end());
        held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    }
    if (!freed.empty()) free_later(std::move(freed), false, 0, bytes);
}

// -- the whole ------------------------------------------------------------------------------------

void tree::clear() {
    std::vector<node*> old(1);
    std::size_t bytes = 0;
    std::uint64_t died = 0;
    {
        closed_gate closed(*this);
        died = epoch_.load(std::memory_order_relaxed);
        auto fresh = node::make(0, root_capacity_min, died);
        old[0] = anchor_->child(0);
        bytes = gate_.bytes();
        gate_.count(-std::int64_t(gate_.rows()),
                    std::int64_t(fresh->bytes()) - std::int64_t(bytes));
        replace_root(fresh.release());
    }
    free_later(std::move(old), true, died, bytes);
}

// -- many nodes -----------------------------------------------------------------------------------

/// Nodes that are freed some at a time, each time when the collector comes by.
struct tree::sweep {
    static constexpr std::size_t nodes_at_once = 256;

    std::shared_ptr<tree> owner;
    std::vector<node*> left;
    bool with_children;
    std::uint64_t died;
    std::size_t bytes;

    static void run(void* job) noexcept;
    void some() noexcept;
};

void tree::free_later(std::vector<node*> nodes, bool with_children, std::uint64_t died,
                      std::size_t bytes) {
    auto* job = new sweep{shared_from_this(), std::move(nodes), with_children, died, bytes};
    retire(job, sweep::run, bytes);
}

void tree::sweep::run(void* job) noexcept {
    std::unique_ptr<sweep> s(static_cast<sweep*>(job));
    s->some();
    if (s->left.empty()) return;
    auto bytes = s->bytes;
    retire(s.release(), run, bytes);
}

void tree::sweep::some() noexcept {
    for (std::size_t n = 0; n < nodes_at_once && !left.empty(); ++n) {
        auto* next = left.back();
        left.pop_back();
        std::size_t freed = next->bytes();
        if (with_children) {
            for (unsigned i = 0; i < next->count(); ++i) {
                if (next->is_leaf())
                    freed += bytes_of(borrowed(next->value(i)));
                else
                    left.push_back(next->child(i));
            }
            std::lock_guard lock(owner->mutex_);
            if (owner->hold_if_covered(next, died)) continue;
        }
        bytes -= std::min(bytes, freed);
        node::free_whole(next);
    }
}

}  // namespace beam::detail::ets::ordered
