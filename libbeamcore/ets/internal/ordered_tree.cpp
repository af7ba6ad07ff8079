// A tree's rows and nodes come and go. Its shape is in ordered_shape.cpp, snapshots and what else closes the gate in
// ordered_snapshot.cpp.
#include "libbeamcore/ets/internal/ordered_tree.hpp"

#include <algorithm>
#include <new>

#include "libbeamcore/runtime/detail/reclaim.hpp"

namespace beam::detail::ets::ordered {
namespace {

template <bool Live>
bool try_find(const node* top, word key, word& row) noexcept {
    leaf_place place;
    if (!try_descend<Live>(top, at_key{key}, place)) return false;
    auto where = entry_of(*place.leaf, key);
    row = where.is_present ? place.leaf->value(where.at) : 0;
    return !Live || place.leaf->is_at(place.version);
}

void free_tree(node* n) noexcept {
    if (!n->is_leaf())
        for (unsigned i = 0; i < n->count(); ++i) free_tree(n->child(i));
    node::free_whole(n);
}

}  // namespace

word find_row(view from, word key) noexcept {
    word row = 0;
    if (!from.is_live) {
        try_find<false>(from.top, key, row);
        return row;
    }
    for (backoff wait; !try_find<true>(from.top, key, row);) wait.pause();
    return row;
}

void session::drop(word w, std::size_t bytes_freed) {
    if (is_private)
        dropped.push_back(w);
    else
        retire_term(term_access::from_word(w), bytes_freed);
}

tree::tree(std::size_t keypos)
    : keypos_(keypos),
      // No tree is this high.
      anchor_(node::make(UINT8_MAX, 1, UINT64_MAX).release()) {
    auto root = node::make(0, root_capacity_min, epoch_.load(std::memory_order_relaxed));
    gate_.count(0, std::int64_t(root->bytes()));
    anchor_->insert(0, node::no_key, node::word_of_child(root.release()));
}

tree::~tree() {
    beam_assert(live_.empty() && held_.empty(), "an ordered table has gone before its snapshots");
    free_tree(anchor_->child(0));
    node::free_bare(anchor_);
}

std::size_t tree::bytes() const noexcept {
    return sizeof *this + anchor_->bytes() + gate_.bytes() +
           held_bytes_.load(std::memory_order_relaxed);
}

bool tree::make_ready(session& s, const node& leaf, word key, bool is_present) {
    if (s.is_frozen(leaf))
        thaw(s, key);
    else if (!leaf.fits(key))
        unpack(s, key);
    else if (!is_present && leaf.is_full())
        make_room(s, key);
    else
        return true;
    return false;
}

void tree::put(session& s, node& leaf, entry where, term&& row) {
    auto key = key_of(row);
    auto value = word_of(row);
    s.bytes += std::int64_t(bytes_of(row));
    if (s.is_private) s.added.push_back(value);
    new (&row) term;  // the reference is the leaf's now
    if (where.is_present) {
        // An equal key may be another term: 1.0 after 1, or the same bytes elsewhere.
        leaf.put(where.at, key, value);
        return;
    }
    leaf.insert(where.at, key, value);
    ++s.rows;
}

void tree::retire_row(session& s, word row) {
    auto bytes = bytes_of(borrowed(row));
    s.bytes -= std::int64_t(bytes);
    s.drop(row, bytes);
}

void tree::retire_bare(session& s, node* n) {
    s.bytes -= std::int64_t(n->bytes());
    retire(n, node::free_bare, n->bytes());
}

void tree::dispose(session& s, node* n) {
    s.bytes -= std::int64_t(n->bytes());
    if (s.is_private) {
        s.replaced.push_back(n);
        return;
    }
    if (s.is_frozen(*n)) {
        std::lock_guard lock(mutex_);
        if (hold_if_covered(n, epoch_.load(std::memory_order_relaxed))) return;
    }
    retire(n, node::free_whole, n->bytes());
}

bool tree::is_covered(const node& n, std::uint64_t died) const noexcept {
    auto first = std::lower_bound(live_.begin(), live_.end(), n.born());
    return first != live_.end() && *first < died;
}

bool tree::hold_if_covered(node* n, std::uint64_t died) {
    if (!is_covered(*n, died)) return false;
    held_.push_back({n, died});
    held_bytes_.fetch_add(n->bytes(), std::memory_order_relaxed);
    return true;
}

}  // namespace beam::detail::ets::ordered
