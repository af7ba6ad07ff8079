// Finding the way down an ordered store's tree, in the live tree and in what a snapshot holds.
#pragma once

#include <array>
#include <cstdint>

#include "libbeamcore/base/assert.hpp"
#include "libbeamcore/ets/internal/ordered_node.hpp"
#include "libbeamcore/ets/internal/table_store.hpp"

namespace beam::detail::ets::ordered {

/// Where a search begins: in the live tree, whose nodes are validated, or in a snapshot's, which never changes.
struct view {
    const node* top;
    bool is_live;
};

/// A leaf as a search found it.
struct leaf_place {
    node* leaf = nullptr;
    node::version version = 0;
    // The leaf's range, by the keys of the nodes above it: 0 is no bound. Borrowed, as all words.
    word low = 0;
    word high = 0;
};

/// A target of searches: says which child of an inner node to go to, and which entry of the leaf is meant. This one is
/// a key, or where it would be.
struct at_key {
    word key;

    [[nodiscard]] unsigned child(const node& n) const noexcept {
        return n.upper(key, 1, n.count()) - 1;
    }
    [[nodiscard]] unsigned edge(const node& leaf, unsigned count) const noexcept {
        return leaf.lower(key, 0, count);
    }
};

/// The keys of a part of the table (scan_from): how many of a node's are before it, or not behind it.
struct key_range {
    int (*where)(const void* context, const term& key) = nullptr;
    const void* context = nullptr;

    [[nodiscard]] unsigned lower(const node& n, unsigned first, unsigned count) const {
        return rank<false>(n, first, count);
    }
    [[nodiscard]] unsigned upper(const node& n, unsigned first, unsigned count) const {
        return rank<true>(n, first, count);
    }

private:
    template <bool Inside>
    unsigned rank(const node& n, unsigned low, unsigned high) const {
        while (low < high) {
            auto middle = low + (high - low) / 2;
            auto place = where(context, borrowed(n.key(middle)));
            if (place < 0 || (Inside && place == 0))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
};

/// A target of scans. The edge is the first entry to read on the way up, and one more than that on the way down.
struct scan_target {
    enum class kind : std::uint8_t { lowest, highest, from, behind, before, range_low, range_high };

    kind what = kind::lowest;
    word key = 0;
    key_range range{};

    [[nodiscard]] unsigned child(const node& n) const {
        auto count = n.count();
        switch (what) {
            case kind::lowest:
                return 0;
            case kind::highest:
                return count - 1;
            case kind::from:
            case kind::behind:
                return n.upper(key, 1, count) - 1;
            case kind::before:
                return n.lower(key, 1, count) - 1;
            case kind::range_low:
                return range.lower(n, 1, count) - 1;
            case kind::range_high:
                return range.upper(n, 1, count) - 1;
        }
        return 0;
    }
    [[nodiscard]] unsigned edge(const node& leaf, unsigned count) const {
        switch (what) {
            case kind::lowest:
                return 0;
            case kind::highest:
                return count;
            case kind::from:
            case kind::before:
                return leaf.lower(key, 0, count);
            case kind::behind:
                return leaf.upper(key, 0, count);
            case kind::range_low:
                return range.lower(leaf, 0, count);
            case kind::range_high:
                return range.upper(leaf, 0, count);
        }
        return 0;
    }
};

/// False: a writer was in the way, start again.
template <bool Live, class Target>
bool try_descend(const node* from, const Target& target, leaf_place& to) {
    const auto* at = from;
    auto version = Live ? at->stable_version() : 0;
    to.low = to.high = 0;
    while (!at->is_leaf()) {
        auto i = target.child(*at);
        const auto* child = at->child(i);
        if constexpr (Live)
            if (!child) return false;
        if (at->level() == 1) child->prefetch();
        if (i > 0) to.low = at->key(i);
        if (i + 1 < at->count()) to.high = at->key(i + 1);
        if constexpr (Live) {
            auto child_version = child->stable_version();
            if (!at->is_at(version) || (child_version & node::obsolete)) return false;
            version = child_version;
        }
        at = child;
    }
    to.leaf = const_cast<node*>(at);
    to.version = version;
    return true;
}

/// The entry of a key in a leaf, or where it would be.
struct entry {
    unsigned at;
    bool is_present;
};
inline entry entry_of(const node& leaf, word key) noexcept {
    auto count = leaf.count();
    auto at = at_key{key}.edge(leaf, count);
    return {at, at < count && compare_words(leaf.key(at), key) == 0};
}

/// The row of that key, borrowed; 0: there is none.
word find_row(view from, word key) noexcept;

/// The nodes from the anchor down to the leaf whose range has a key, each as it was found.
class tree_path {
public:
    // A level comes when a root is full: this many would need more rows than there are addresses.
    static constexpr unsigned depth_max = 20;

    struct step {
        ordered::node* node = nullptr;
        ordered::node::version version = 0;
        unsigned child = 0;  // which of its children is next
    };

    /// False: a writer was in the way.
    bool try_record(node* anchor, word key) noexcept {
        depth_ = 0;
        push(anchor, anchor->stable_version());
        while (!steps_[leaf()].node->is_leaf()) {
            auto& last = steps_[leaf()];
            last.child = at_key{key}.child(*last.node);
            auto* child = last.node->child(last.child);
            if (!child) return false;
            auto version = child->stable_version();
            if (!last.node->is_at(last.version) || (version & node::obsolete)) return false;
            push(child, version);
        }
        return true;
    }

    const step& operator[](unsigned i) const noexcept { return steps_[i]; }
    /// The last step's index; that of the anchor is 0, of the root 1.
    [[nodiscard]] unsigned leaf() const noexcept { return depth_ - 1; }

private:
    void push(node* n, node::version version) noexcept {
        beam_assert(depth_ < steps_.size(), "the tree of an ordered table is too deep");
        steps_[depth_++] = {n, version, 0};
    }

    std::array<step, depth_max> steps_;
    unsigned depth_ = 0;
};

}  // namespace beam::detail::ets::ordered
