// What closes the gate of a tree: snapshots, lists inserted at one instant, and clearing it. And how many nodes at once
// are given back without stopping anybody for long.
#include <algorithm>
#include <utility>

#include "libbeamcore/ets/internal/ordered_tree.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"

namespace beam::detail::ets::ordered {

/// Keeps writers out, and others who would close the gate.
class tree::closed_gate {
public:
    explicit closed_gate(tree& t) : lock_(t.gate_mutex_), gate_(t.gate_) { gate_.close(); }
    ~closed_gate() { gate_.open(); }
    closed_gate(const closed_gate&) = delete;
    closed_gate& operator=(const closed_gate&) = delete;

private:
    std::lock_guard<std::mutex> lock_;
    write_gate& gate_;
};

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

// -- all at one instant ---------------------------------------------------------------------------

namespace {

void free_born(node* n, std::uint64_t born) noexcept {
    if (n->born() != born) return;
    if (!n->is_leaf())
        for (unsigned i = 0; i < n->count(); ++i) free_born(n->child(i), born);
    node::free_bare(n);
}

void give_up(session& s) noexcept {
    free_born(s.anchor->child(0), s.born);
    for (auto w : s.added) release(w);
}

}  // namespace

bool tree::put_all(std::span<const term> rows, bool only_new) {
    read_section no_collecting;  // with the locks held
    closed_gate closed(*this);
    auto is_there = [&](const term& row) { return find_row(live(), key_of(row)) != 0; };
    if (only_new && std::any_of(rows.begin(), rows.end(), is_there)) return false;

    auto epoch = epoch_.load(std::memory_order_relaxed);
    auto anchor = node::make(UINT8_MAX, 1, UINT64_MAX);
    anchor->insert(0, node::no_key, anchor_->value(0));
    session s{anchor.get(), epoch + 1, epoch, true};
    try {
        for (const auto& row : rows) {
            auto put_it = [&](const term*, term& next) {
                next = row;
                return verdict::put;
            };
            edit(s, key_of(row), {true, true}, put_it);
        }
    } catch (...) {
        give_up(s);
        throw;
    }
    publish(s);
    return true;
}

void tree::publish(session& s) {
    epoch_.store(s.born, std::memory_order_relaxed);
    replace_root(s.anchor->child(0));
    gate_.count(s.rows, s.bytes);
    {
        std::lock_guard lock(mutex_);
        for (auto* n : s.replaced) {
            if (is_covered(*n, s.born)) n->retain_all();  // the copy has those it had
            if (!hold_if_covered(n, s.born)) retire(n, node::free_bare, n->bytes());
        }
    }
    for (auto w : s.dropped) retire_term(term_access::from_word(w), 0);
}

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
