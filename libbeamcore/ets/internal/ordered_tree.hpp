// tree: the B+tree of an ordered store, its writers and its snapshots.
//
// Keys are in the order of compare(), in which 1 and 1.0 are one key. The tree holds a reference to each row.
// Readers take no lock and write nothing: they look at the nodes' versions and start again where a writer was (the
// rules: ordered_node.hpp). Writers lock the leaf, and its parents when it is split or merged. What leaves the
// tree is retired; all callers are in a read_section.
//
// -- snapshots --
//
// Time is cut into epochs; a snapshot ends one, and has its number. It closes the gate (write_gate.hpp), which
// waits for the writers that are inside, notes the root and opens it again: so it is the table at one instant. A
// node knows the epoch it was born in. While a snapshot lives, what is not younger than it is frozen: a writer
// copies it, with the nodes above it that are frozen too, and what it replaced is kept until no snapshot lives that
// was taken between its birth and its death. Where a node is not frozen, neither are those above it: they were
// written when it was put there. Without snapshots nothing is frozen, and a writer pays one load.
//
// A long list is inserted at one instant in the same way: behind the closed gate, into copies that only the inserter
// sees, which one store into the anchor then puts in the old nodes' place (ordered_batch.cpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "libbeamcore/ets/internal/ordered_search.hpp"
#include "libbeamcore/ets/internal/write_gate.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail::ets::ordered {

/// What is done with a row that was looked at under its leaf's lock. `put` inserts or replaces.
enum class verdict : std::uint8_t { keep, put, remove };

/// Which rows a verdict is wanted for.
struct wanted {
    bool present = true;
    bool absent = false;
};

/// What a writer carries through the tree: where it begins, what it may not change, and what it has counted.
///
/// A private one works behind the closed gate, in copies that nobody else sees until it is through. Its copies take
/// over the references of the nodes they replace, and these keep them until then: so that it can be given up.
struct session {
    node* anchor;
    std::uint64_t born;    // of the nodes it makes
    std::uint64_t frozen;  // nodes up to this are copied
    bool is_private = false;
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    // Private only.
    std::vector<node*> replaced = {};
    std::vector<word> added = {};    // references that were not there before
    std::vector<word> dropped = {};  // references to let go when it is through

    word retain(word w) {
        if (is_private && is_boxed(w)) added.push_back(w);
        return ordered::retain(w);
    }
    void drop(word w, std::size_t bytes_freed);
    [[nodiscard]] bool is_frozen(const node& n) const noexcept { return n.born() <= frozen; }
    [[nodiscard]] node::owner make_node(unsigned level, unsigned capacity,
                                        node::layout how = {}) const {
        return node::make(level, capacity, born, how);
    }
    [[nodiscard]] node::owner make_node_like(const node& n) const {
        return make_node(n.level(), n.capacity(), n.how());
    }
};

class tree : public std::enable_shared_from_this<tree> {
public:
    explicit tree(std::size_t keypos);
    /// Nobody is inside, and no snapshot lives.
    ~tree();
    tree(const tree&) = delete;
    tree& operator=(const tree&) = delete;

    [[nodiscard]] view live() const noexcept { return {anchor_, true}; }
    [[nodiscard]] word key_of(const term& row) const noexcept {
        auto elements = row.elements();
        beam_assert(keypos_ <= elements.size(), "a row without a key: its table lets none in");
        return word_of(elements[keypos_ - 1]);
    }
    [[nodiscard]] std::size_t keypos() const noexcept { return keypos_; }

    /// Calls `decide(const term* row, term& next)` with the row's leaf locked (null: there is none) and does what it
    /// says; not for rows that are not wanted: that is `keep`. A `next` that is put has that key, or the row's own. `decide` is short
    /// and does not use the tree; what it throws leaves all as it was.
    template <class Decide>
    verdict edit(word key, wanted rows, Decide&& decide);

    /// All at one instant, the last of those with one key. False, and nothing is done: `only_new`, and a key is
    /// there.
    bool put_all(std::span<const term> rows, bool only_new);

    /// Removes all at one instant; it is freed by and by.
    void clear();

    /// Exact while nobody writes.
    [[nodiscard]] std::size_t size() const noexcept { return gate_.rows(); }
    /// All nodes, those that only snapshots hold too, and all rows, but for those that only snapshots hold.
    [[nodiscard]] std::size_t bytes() const noexcept;

    struct frozen_tree {
        const node* root;
        std::uint64_t number;
        std::size_t rows;
    };
    /// Waits for the writers that are inside: not by one of them.
    [[nodiscard]] frozen_tree freeze();
    void unfreeze(std::uint64_t number) noexcept;

private:
    static constexpr unsigned root_capacity_min = 4;

    struct held_node {
        ordered::node* node;
        std::uint64_t died;  // the epoch in which it was replaced
    };
    enum class few_result : std::uint8_t { done, refused, again, no_room };
    struct sweep;
    class writer;
    class closed_gate;

    template <class Decide>
    verdict edit(session& s, word key, wanted rows, Decide& decide);
    // One look at the row: nothing, if the tree had to be made ready first or a writer was in the way.
    template <class Decide>
    std::optional<verdict> try_edit(session& s, word key, wanted rows, Decide& decide);
    /// False: it was changed so that it may be written to, or something was in the way.
    bool make_ready(session& s, const node& leaf, word key, bool is_present);
    void put(session& s, node& leaf, entry where, term&& row);
    void retire_row(session& s, word row);

    // The tree's shape. Each does one step, or nothing when another writer is in the way: the caller looks again.
    void make_room(session& s, word key);
    void split(session& s, const tree_path& path, unsigned at, word key);
    bool shift_to_sibling(session& s, const tree_path& path);
    bool shift(session& s, const tree_path& path, unsigned sibling_at);
    static node::owner grown(session& s, const node& root);
    void unpack(session& s, word key);
    bool replace_leaf(session& s, const tree_path& path, node::owner fresh);
    void thaw(session& s, word key);
    void shrink(session& s, word key);
    bool shrink_root(session& s, const tree_path& path);
    bool merge(session& s, const tree_path& path, unsigned at, unsigned sibling_at);

    // Nodes that leave the tree: each counts its bytes down.
    void retire_bare(session& s, node* n);  // what it referred to has moved on
    void dispose(session& s, node* n);      // with its references, when no snapshot has it any more
    bool hold_if_covered(node* n, std::uint64_t died);  // under the mutex
    [[nodiscard]] bool is_covered(const node& n, std::uint64_t died) const noexcept;
    void replace_root(node* root) noexcept;
    few_result try_put_few(session& s, std::span<const term> rows, bool only_new);
    bool put_many(std::span<const term> rows, bool only_new);
    void publish(session& s);  // behind the closed gate: all that a private session did is seen
    void free_later(std::vector<node*> nodes, bool with_children, std::uint64_t died,
                    std::size_t bytes);

    const std::size_t keypos_;
    // Above the root, with the root as its only child: what holds for parents holds for it. Never frozen.
    node* const anchor_;
    write_gate gate_;

    // These change behind the closed gate, but frozen_ may sink at any time: a copy too many is made then.
    std::atomic<std::uint64_t> epoch_{1};
    std::atomic<std::uint64_t> frozen_{0};  // the newest live snapshot's number; 0: there is none

    // Who closes the gate has the first; then nobody who waits for the second is inside, as a writer may.
    std::mutex gate_mutex_;
    std::mutex mutex_;                 // for what follows
    std::vector<std::uint64_t> live_;  // numbers of live snapshots, ascending
    std::vector<held_node> held_;      // replaced, and in a live snapshot
    std::atomic<std::size_t> held_bytes_{0};
};

/// A session of a writer among others.
class tree::writer : public session {
public:
    explicit writer(tree& t) noexcept : session{t.anchor_, 0, 0}, pass_(t.gate_) {
        born = t.epoch_.load(std::memory_order_relaxed);
        frozen = t.frozen_.load(std::memory_order_acquire);
    }
    ~writer() { pass_.count(rows, bytes); }
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

private:
    write_gate::pass pass_;
};

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

template <class Decide>
verdict tree::edit(word key, wanted rows, Decide&& decide) {
    writer w(*this);
    return edit(w, key, rows, decide);
}

template <class Decide>
verdict tree::edit(session& s, word key, wanted rows, Decide& decide) {
    for (;;)
        if (auto done = try_edit(s, key, rows, decide)) return *done;
}

template <class Decide>
std::optional<verdict> tree::try_edit(session& s, word key, wanted rows, Decide& decide) {
    leaf_place place;
    if (!try_descend<true>(s.anchor, at_key{key}, place)) return {};
    auto& leaf = *place.leaf;
    auto where = entry_of(leaf, key);
    if (!leaf.is_at(place.version)) return {};

    if (where.is_present ? !rows.present : !rows.absent) return verdict::keep;
    if (!make_ready(s, leaf, key, where.is_present)) return {};

    auto v = verdict::keep;
    word old = 0;
    unsigned left = 0;
    {
        locked_node lock(leaf, place.version);
        if (!lock) return {};
        lock.set_changed(false);  // should decide() throw
        term next;
        if (where.is_present) {
            old = leaf.value(where.at);
            borrowed row(old);
            v = decide(&static_cast<const term&>(row), next);
        } else {
            v = decide(static_cast<const term*>(nullptr), next);
        }
        if (v == verdict::keep || (v == verdict::remove && !where.is_present)) return verdict::keep;
        lock.set_changed(true);
        if (v == verdict::put)
            put(s, leaf, where, std::move(next));
        else
            leaf.remove(where.at);
        left = leaf.count();
    }
    if (where.is_present) retire_row(s, old);
    if (v == verdict::remove) {
        --s.rows;
        if (left < leaf.capacity() / 4 || left == 0) shrink(s, key);
    }
    return v;
}

}  // namespace beam::detail::ets::ordered
