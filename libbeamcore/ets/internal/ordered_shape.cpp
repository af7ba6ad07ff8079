// The shape of an ordered store's tree: nodes are split when they are full and merged when they are nearly empty.
//
// Every step records the path to a key, makes what it needs, tries to lock the two or three nodes that it
// changes at the versions that were recorded, changes them and unlocks. A lock that fails ends the step with nothing
// done. The leaf of the path has been thawed before (tree::thaw), so nothing on the path is frozen; a
// sibling may be.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "libbeamcore/ets/internal/ordered_tree.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"

namespace beam::detail::ets::ordered {
namespace {

// A sibling takes rows of a full leaf if it has at least that much room: else they would be moved a few at a time.
constexpr unsigned shift_room_min = node::entries_max / 8;
// A node with less than that looks for a sibling to be one with, which must leave some room in both.
constexpr unsigned merge_below = node::entries_max / 4;
constexpr unsigned merged_max = node::entries_max * 3 / 4;

// Where to cut a full node: in two halves, but so that keys which come in order, up or down, leave full nodes
// behind. A leaf may be left, or made, empty: the key that is to come goes there.
unsigned cut_of(const node& n, word key) noexcept {
    auto count = n.count();
    auto at = n.is_leaf() ? n.lower(key, 0, count) : n.upper(key, 1, count);
    auto least = n.is_leaf() ? 0u : 1u;
    if (at == count) return n.is_leaf() ? count : count - 1;
    if (at == least) return least;
    return count / 2;
}

// How a leaf is to keep keys from `low` to `high`. With room on both sides: neighbours may come in from there.
node::layout layout_for(word low, word high) noexcept {
    if (!is_small(low) || !is_small(high)) return {};
    auto first = std::int64_t(low) >> 1, width = (std::int64_t(high) >> 1) - first;
    if (width < 0 || width >= node::packed_span / 2) return {};
    return {true, first - (node::packed_span - width) / 2};
}

bool fits_all(const node& n, const node& other, unsigned from, unsigned to) noexcept {
    while (from < to && n.fits(other.key(from))) ++from;
    return from == to;
}

// The key that bounds the leaf of a path from above; 0: none.
word high_of(const tree_path& path) noexcept {
    for (auto at = path.leaf(); at-- > 1;) {
        const auto& step = path[at];
        if (step.child + 1 < step.node->count()) return step.node->key(step.child + 1);
    }
    return 0;
}

void set_separator(session& s, node& parent, unsigned at, word key) {
    auto old = parent.key(at);
    parent.set_key(at, s.retain(key));
    s.drop(old, 0);
}

}  // namespace

// -- growing --------------------------------------------------------------------------------------

void tree::make_room(session& s, word key) {
    tree_path path;
    if (!path.try_record(s.anchor, key)) return;
    auto at = path.leaf();
    const auto& leaf = *path[at].node;
    if (!leaf.is_full() || s.is_frozen(leaf)) return;
    if (leaf.capacity() < node::entries_max) {
        replace_leaf(s, path, grown(s, leaf));
        return;
    }
    if (shift_to_sibling(s, path)) return;
    // A parent that is full is split first; the next look comes to the child.
    while (at > 1 && path[at - 1].node != s.anchor && path[at - 1].node->is_full()) --at;
    split(s, path, at, key);
}

// Only the root, while it is a leaf, has less than full size: a table of a few rows takes little memory.
node::owner tree::grown(session& s, const node& root) {
    auto capacity = std::min(root.capacity() * 4, node::entries_max);
    node::layout how;
    if (auto count = root.count(); count > 0 && root.has_only_small())
        how = layout_for(root.key(0), root.key(count - 1));
    return s.make_node(0, capacity, how);
}

void tree::unpack(session& s, word key) {
    tree_path path;
    if (!path.try_record(s.anchor, key)) return;
    const auto& leaf = *path[path.leaf()].node;
    if (s.is_frozen(leaf) || leaf.fits(key)) return;
    replace_leaf(s, path, s.make_node(0, leaf.capacity()));
}

bool tree::replace_leaf(session& s, const tree_path& path, node::owner fresh) {
    const auto& above = path[path.leaf() - 1];
    auto& leaf = *path[path.leaf()].node;
    locked_node lock_parent(*above.node, above.version);
    if (!lock_parent) return false;
    lock_parent.set_changed(false);
    locked_node lock(leaf, path[path.leaf()].version);
    if (!lock) return false;
    lock.set_changed(false);
    if (!fits_all(*fresh, leaf, 0, leaf.count())) return false;

    lock_parent.set_changed(true), lock.set_gone();
    fresh->append(leaf, 0, leaf.count());
    s.bytes += std::int64_t(fresh->bytes());
    above.node->set_child(above.child, fresh.release());
    retire_bare(s, &leaf);
    return true;
}

void tree::split(session& s, const tree_path& path, unsigned at, word key) {
    auto& parent = *path[at - 1].node;
    auto& n = *path[at].node;
    auto count = n.count(), cut = cut_of(n, key);
    auto separator = cut < count ? n.key(cut) : key;
    auto right = s.make_node(n.level(), node::entries_max);
    if (n.is_leaf() && n.has_only_small()) {
        auto high = high_of(path);
        if (high == 0) high = cut < count ? n.key(count - 1) : key;
        right = s.make_node(0, node::entries_max, layout_for(separator, high));
    }
    auto root = at == 1 ? s.make_node(n.level() + 1, node::entries_max) : nullptr;
    locked_node lock_parent(parent, path[at - 1].version);
    if (!lock_parent) return;
    // At the version of the path: what was found in it before is so still. The bound from above may not be.
    locked_node lock(n, path[at].version);
    if (!lock) return lock_parent.set_changed(false);
    if (!fits_all(*right, n, cut, count)) {
        lock.set_changed(false);
        return lock_parent.set_changed(false);
    }

    // Of an inner node, the key itself moves up.
    if (n.is_leaf()) s.retain(separator);
    right->append(n, cut, count);
    s.bytes += std::int64_t(right->bytes() + (root ? root->bytes() : 0));
    auto* made = right.release();
    if (root) {
        root->insert(0, node::no_key, node::word_of_child(&n));
        root->insert(1, separator, node::word_of_child(made));
        parent.set_child(0, root.release());
    } else {
        parent.insert(path[at - 1].child + 1, separator, node::word_of_child(made));
    }
    n.truncate(cut);
    if (!n.is_leaf()) made->set_key(0, node::no_key);
}

// Before a leaf is split, a neighbour may take some of its rows: leaves are fuller by that (four fifths rather than
// two thirds when keys come in no order).
bool tree::shift_to_sibling(session& s, const tree_path& path) {
    auto at = path[path.leaf() - 1].child;
    return shift(s, path, at + 1) || (at > 0 && shift(s, path, at - 1));
}

bool tree::shift(session& s, const tree_path& path, unsigned sibling_at) {
    const auto& above = path[path.leaf() - 1];
    auto& parent = *above.node;
    auto& leaf = *path[path.leaf()].node;
    if (sibling_at >= parent.count()) return false;
    auto* sibling = parent.child(sibling_at);
    if (!sibling || sibling->count() + shift_room_min > sibling->capacity()) return false;

    locked_node lock_parent(parent, above.version);
    if (!lock_parent) return false;
    lock_parent.set_changed(false);
    auto sibling_version = sibling->stable_version();
    if (s.is_frozen(*sibling) || sibling->count() >= sibling->capacity()) return false;
    locked_node lock(leaf, path[path.leaf()].version);
    if (!lock) return false;
    lock.set_changed(false);
    locked_node lock_sibling(*sibling, sibling_version);
    if (!lock_sibling) return false;

    auto count = leaf.count(), moved = (sibling->capacity() - sibling->count() + 1) / 2;
    bool is_right = sibling_at > above.child;
    auto first = is_right ? count - moved : 0;
    if (!fits_all(*sibling, leaf, first, first + moved)) {
        lock_sibling.set_changed(false);
        return false;
    }
    lock_parent.set_changed(true), lock.set_changed(true);
    if (is_right) {
        sibling->prepend(leaf, count - moved, count);
        set_separator(s, parent, sibling_at, sibling->key(0));
        leaf.truncate(count - moved);
    } else {
        sibling->append(leaf, 0, moved);
        leaf.remove_front(moved);
        set_separator(s, parent, above.child, leaf.key(0));
    }
    return true;
}

// -- shrinking ------------------------------------------------------------------------------------

void tree::shrink(session& s, word key) {
    tree_path path;
    for (bool goes_on = true; goes_on;) {
        if (!path.try_record(s.anchor, key)) return;
        goes_on = false;
        for (auto at = path.leaf(); at > 1 && !goes_on; --at) {
            if (path[at].node->count() >= merge_below) break;
            auto mine = path[at - 1].child;
            goes_on = merge(s, path, at, mine + 1) || (mine > 0 && merge(s, path, at, mine - 1));
        }
        if (!goes_on) goes_on = shrink_root(s, path);
    }
}

bool tree::shrink_root(session& s, const tree_path& path) {
    auto& root = *path[1].node;
    if (root.is_leaf()) {
        if (root.count() == 0 && root.capacity() > root_capacity_min && !s.is_frozen(root))
            replace_leaf(s, path, s.make_node(0, root_capacity_min));
        return false;
    }
    if (root.count() != 1) return false;
    locked_node lock_anchor(*s.anchor, path[0].version);
    if (!lock_anchor) return false;
    locked_node lock_root(root, path[1].version);
    if (!lock_root) {
        lock_anchor.set_changed(false);
        return false;
    }
    s.anchor->set_child(0, root.child(0));
    lock_root.set_gone();
    dispose(s, &root);
    return true;
}

// Node `at` of the path takes what its sibling has, and the sibling goes.
bool tree::merge(session& s, const tree_path& path, unsigned at, unsigned sibling_at) {
    const auto& above = path[at - 1];
    auto& parent = *above.node;
    auto& n = *path[at].node;
    if (sibling_at >= parent.count() || s.is_frozen(n)) return false;
    auto* sibling = parent.child(sibling_at);
    auto fits = [&] {
        auto more = sibling->count(), have = n.count();
        return more + have <= merged_max || more == 0 || have == 0;
    };
    if (!sibling || !fits()) return false;
    // A packed leaf that cannot take the keys of its neighbour makes way for one that can, and is merged then.
    auto can_take = [&] { return fits_all(n, *sibling, 0, sibling->count()); };
    if (!can_take()) return replace_leaf(s, path, s.make_node(0, n.capacity()));

    locked_node lock_parent(parent, above.version);
    if (!lock_parent) return false;
    lock_parent.set_changed(false);
    auto sibling_version = sibling->stable_version();
    locked_node lock(n, path[at].version);
    if (!lock) return false;
    lock.set_changed(false);
    locked_node lock_sibling(*sibling, sibling_version);
    if (!lock_sibling) return false;
    if (!fits() || !can_take()) {
        lock_sibling.set_changed(false);
        return false;
    }

    lock_parent.set_changed(true), lock.set_changed(true), lock_sibling.set_gone();
    bool is_right = sibling_at > above.child;
    auto removed = is_right ? sibling_at : above.child;
    auto separator = parent.key(removed);
    // Read once: a snapshot may be dropped meanwhile.
    bool was_frozen = s.is_frozen(*sibling);
    if (was_frozen) sibling->retain_all();
    if (is_right) {
        auto first = n.count();
        n.append(*sibling, 0, sibling->count());
        if (!n.is_leaf()) n.set_key(first, separator);
    } else {
        auto more = sibling->count();
        n.prepend(*sibling, 0, more);
        if (!n.is_leaf()) n.set_key(more, separator);
        // The node takes the sibling's place, and with it the key that bounds it from below.
        parent.set_child(sibling_at, &n);
    }
    parent.remove(removed);
    if (n.is_leaf()) s.drop(separator, 0);
    if (was_frozen)
        dispose(s, sibling);
    else
        retire_bare(s, sibling);
    return true;
}

// -- copying for snapshots ------------------------------------------------------------------------

void tree::thaw(session& s, word key) {
    tree_path path;
    if (!path.try_record(s.anchor, key)) return;
    auto top = path.leaf();  // the lowest that is not frozen
    while (s.is_frozen(*path[top].node)) --top;
    if (top == path.leaf()) return;

    std::array<node::owner, tree_path::depth_max> copies;
    for (auto i = top + 1; i <= path.leaf(); ++i) copies[i] = s.make_node_like(*path[i].node);
    std::array<std::optional<locked_node>, tree_path::depth_max> locks;
    for (auto i = top; i <= path.leaf(); ++i) {
        if (locks[i].emplace(*path[i].node, path[i].version)) continue;
        while (i-- > top) locks[i]->set_changed(false);
        return;
    }

    auto* above = path[top].node;
    for (auto i = top + 1; i <= path.leaf(); ++i) {
        auto& old = *path[i].node;
        auto* copy = copies[i].release();
        copy->append(old, 0, old.count());
        s.bytes += std::int64_t(copy->bytes());
        above->set_child(path[i - 1].child, copy);
        above = copy;
        if (s.is_private) {
            locks[i]->set_changed(false);
            continue;
        }
        copy->retain_all();
        locks[i]->set_gone();
    }
    for (auto i = top + 1; i <= path.leaf(); ++i) dispose(s, path[i].node);
}

}  // namespace beam::detail::ets::ordered
