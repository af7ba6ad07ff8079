// node: a node of an ordered store's tree, and its version lock.
//
// A leaf's entries are keys and rows. An inner node's are children, each with a key that all keys below it reach:
// the first of these is not kept, it is whatever the parent says. Keys are words of terms, so that a search
// among immediates reads this node and nothing else. A leaf owns a reference to each row (its keys are in
// the rows); an inner node owns one to each key but the first.
//
// A packed leaf has keys that are small integers close together: an entry is one word, 20 bits of the distance from
// the leaf's base and 44 of the row's address (a multiple of 16). Such a leaf takes half the memory. A key
// that does not fit asks for a leaf of the other layout in its place (ordered_shape.cpp).
//
// The version is the lock: bit 0 says that a writer is inside, bit 1 that the node is in the tree no more, and
// the rest counts changes. A reader reads the version, then fields, then the version again; if that
// differs, what it read means nothing and it starts again. The rules, and what breaks without each:
//
//   R1  Every field is atomic. Writers store with release, readers load with acquire: who loads a value of a
//       writer sees that writer's lock, so its second look at the version (relaxed: it cannot move before the
//       acquires) differs. With relaxed fields a torn entry could pass.
//   R2  Unlocking stores the version with release; the first look at it acquires. So an unchanged version means
//       that all fields were of that version, not older.
//   R3  A slot never holds a word that the table gave up before the reader's section began: what leaves a slot is
//       overwritten first and retired after, and slots beyond the count hold no pointer. So a reader
//       may follow any pointer it loads, before validating: it is alive, or dead and not yet freed. (The release
//       and acquire of R1 also order what the pointer's target was made of.)
//   R4  A parent's version is looked at after the child's version was read. Else the child could be split between
//       the two, and half of its keys be missed.
//   R5  A node that left the tree gets bit 1 as it is unlocked, and is never locked again: a writer that found
//       the way to it before fails at its lock.
//   R6  Locks are only tried, at the version that was read, and a writer that fails lets go of all of its own: their
//       order does not matter. Who holds a parent may wait until a child of it is unlocked, never the other
//       way round: so no two writers wait for each other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "libbeamcore/ets/internal/backoff.hpp"
#include "libbeamcore/ets/internal/ordered_word.hpp"

namespace beam::detail::ets::ordered {

/// How a node's entries are kept. Packed: keys from `base` to just under `base + node::packed_span`.
struct node_layout {
    bool is_packed = false;
    std::int64_t base = 0;
};

class node {
public:
    using version = std::uint64_t;

    /// With the header and malloc's own 8 bytes, a chunk of 1024, or of 528 if packed.
    static constexpr unsigned entries_max = 61;
    static constexpr version locked = 1, obsolete = 2, step = 4;

    // What is in slots without an entry, and the key before an inner node's first child: a reader that comes upon them
    // follows no pointer.
    static constexpr word no_key = 1, no_value = 0;

    /// Frees a node's memory, and nothing that it refers to.
    struct bare_delete {
        void operator()(node* n) const noexcept { free_bare(n); }
    };
    using owner = std::unique_ptr<node, bare_delete>;

    using layout = node_layout;
    static constexpr std::int64_t packed_span = (std::int64_t(1) << 20) - 1;

    /// Empty. `level` is 0 for a leaf, else one more than the children's.
    static owner make(unsigned level, unsigned capacity, std::uint64_t born, layout how = {});
    static void free_bare(void* n) noexcept;
    /// With the references it owns.
    static void free_whole(void* n) noexcept;

    // -- what never changes -----------------------------------------------------------------------

    [[nodiscard]] bool is_leaf() const noexcept { return level_ == 0; }
    [[nodiscard]] unsigned level() const noexcept { return level_; }
    [[nodiscard]] unsigned capacity() const noexcept { return capacity_; }
    /// The number of the epoch it was made in (ordered_tree.hpp, snapshots).
    [[nodiscard]] std::uint64_t born() const noexcept { return born_; }
    [[nodiscard]] layout how() const noexcept { return {is_packed_, base_}; }
    [[nodiscard]] std::size_t bytes() const noexcept {
        return sizeof(node) + std::size_t(capacity_) * (is_packed_ ? sizeof(word) : sizeof(slot));
    }
    /// Whether an entry of that key can be put in.
    [[nodiscard]] bool fits(word key) const noexcept {
        return !is_packed_ || (is_small(key) && distance(key) < std::uint64_t(packed_span));
    }

    // -- the lock ---------------------------------------------------------------------------------

    /// Waits while a writer is inside.
    [[nodiscard]] version stable_version() const noexcept {
        auto v = version_.load(std::memory_order_acquire);
        for (backoff wait; v & locked; v = version_.load(std::memory_order_acquire)) wait.pause();
        return v;
    }
    [[nodiscard]] bool is_at(version v) const noexcept {
        return version_.load(std::memory_order_relaxed) == v;
    }
    [[nodiscard]] bool try_lock(version v) noexcept {
        return !(v & (locked | obsolete)) &&
               version_.compare_exchange_strong(v, v | locked, std::memory_order_acquire,
                                                std::memory_order_relaxed);
    }
    void unlock() noexcept { unlock_to((held() & ~locked) + step); }
    void unlock_unchanged() noexcept { unlock_to(held() & ~locked); }
    void unlock_obsolete() noexcept { unlock_to(((held() & ~locked) + step) | obsolete); }

    // -- entries ----------------------------------------------------------------------------------

    [[nodiscard]] unsigned count() const noexcept { return count_.load(std::memory_order_acquire); }
    [[nodiscard]] bool is_full() const noexcept { return count() == capacity_; }
    [[nodiscard]] word key(unsigned i) const noexcept {
        if (is_packed_) return key_of(packed()[i].load(std::memory_order_acquire));
        return slots()[i].key.load(std::memory_order_acquire);
    }
    [[nodiscard]] word value(unsigned i) const noexcept {
        if (is_packed_) return value_of(packed()[i].load(std::memory_order_acquire));
        return slots()[i].value.load(std::memory_order_acquire);
    }
    /// Null in a slot that holds no child.
    [[nodiscard]] node* child(unsigned i) const noexcept {
        return reinterpret_cast<node*>(value(i));
    }
    static word word_of_child(const node* n) noexcept { return reinterpret_cast<word>(n); }

    /// How many of the first `count` keys are less than `key`, from entry `first` on, plus `first`.
    [[nodiscard]] unsigned lower(word key, unsigned first, unsigned count) const noexcept {
        return rank<false>(key, first, count);
    }
    /// As lower(), counting equal keys too.
    [[nodiscard]] unsigned upper(word key, unsigned first, unsigned count) const noexcept {
        return rank<true>(key, first, count);
    }
    void prefetch() const noexcept;
    /// True: no key is anything else than a small integer. Stays false when the last other one has gone.
    [[nodiscard]] bool has_only_small() const noexcept {
        return all_small_.load(std::memory_order_acquire);
    }

    // -- changes, by who holds the lock or made the node ------------------------------------------

    void insert(unsigned at, word key, word value) noexcept;
    void remove(unsigned at) noexcept;
    /// In place of an entry.
    void put(unsigned at, word key, word value) noexcept;
    /// Of inner nodes, which are never packed.
    void set_key(unsigned at, word key) noexcept;
    void set_child(unsigned at, const node* child) noexcept {
        slots()[at].value.store(word_of_child(child), std::memory_order_release);
    }
    /// Appends entries [from, to) of `other`, which keeps them.
    void append(const node& other, unsigned from, unsigned to) noexcept;
    /// Makes room in front for entries [from, to) of `other`, which keeps them.
    void prepend(const node& other, unsigned from, unsigned to) noexcept;
    /// Drops the entries from `count` on.
    void truncate(unsigned count) noexcept;
    /// Drops the first `gone` entries.
    void remove_front(unsigned gone) noexcept;
    /// A reference more to all that this node owns one to: it is a copy.
    void retain_all() noexcept;

private:
    // Side by side, so that what a search ends at is in the cache with what it is for.
    struct slot {
        std::atomic<word> key{no_key};
        std::atomic<word> value{no_value};
    };

    // The word of an empty packed slot, too: no row, and the base as a key.
    using packed_slot = std::atomic<word>;
    static constexpr unsigned distance_shift = 44;

    node(unsigned level, unsigned capacity, std::uint64_t born, layout how) noexcept;

    [[nodiscard]] std::uint64_t distance(word key) const noexcept {
        return std::uint64_t((std::int64_t(key) >> 1) - base_);
    }
    [[nodiscard]] word key_of(word packed) const noexcept {
        return std::uint64_t(base_ + std::int64_t(packed >> distance_shift)) << 1 | 1;
    }
    static word value_of(word packed) noexcept {
        return (packed & ((word(1) << distance_shift) - 1)) << 4;
    }
    packed_slot* packed() noexcept { return reinterpret_cast<packed_slot*>(this + 1); }
    [[nodiscard]] const packed_slot* packed() const noexcept {
        return reinterpret_cast<const packed_slot*>(this + 1);
    }
    slot* slots() noexcept { return reinterpret_cast<slot*>(this + 1); }
    [[nodiscard]] const slot* slots() const noexcept {
        return reinterpret_cast<const slot*>(this + 1);
    }

    [[nodiscard]] version held() const noexcept { return version_.load(std::memory_order_relaxed); }
    void unlock_to(version v) noexcept { version_.store(v, std::memory_order_release); }
    void move(unsigned from, unsigned to) noexcept {
        if (is_packed_) {
            packed()[to].store(packed()[from].load(std::memory_order_relaxed),
                               std::memory_order_release);
            return;
        }
        const auto& old = slots()[from];
        slots()[to].key.store(old.key.load(std::memory_order_relaxed), std::memory_order_release);
        slots()[to].value.store(old.value.load(std::memory_order_relaxed),
                                std::memory_order_release);
    }
    void set_count(unsigned count) noexcept {
        count_.store(std::uint16_t(count), std::memory_order_release);
    }

    template <bool Equal>
    unsigned rank(word key, unsigned first, unsigned count) const noexcept {
        if (count <= first) return first;
        if (is_packed_) {
            if (is_small(key)) [[likely]]
                return rank_packed<Equal>(key, first, count - first);
            return rank_any<Equal>(key, first, count);
        }
        if (is_small(key) && has_only_small()) [[likely]]
            return rank_small<Equal>(std::int64_t(key), first, count - first);
        return rank_any<Equal>(key, first, count);
    }
    template <bool Equal>
    unsigned rank_small(std::int64_t key, unsigned first, unsigned n) const noexcept {
        return partition(slots(), first, n, [key](const slot& s) {
            auto other = std::int64_t(s.key.load(std::memory_order_acquire));
            return Equal ? other <= key : other < key;
        });
    }
    template <bool Equal>
    unsigned rank_packed(word key, unsigned first, unsigned n) const noexcept {
        if ((std::int64_t(key) >> 1) < base_) return first;
        auto far = distance(key);
        if (far >= std::uint64_t(packed_span)) return first + n;
        // The distance is in the upper bits: the row below them does not count.
        auto end = (far + (Equal ? 1 : 0)) << distance_shift;
        return partition(packed(), first, n, [end](const packed_slot& s) {
            return s.load(std::memory_order_acquire) < end;
        });
    }
    // How many precede, of `n` > 0 from `first` on, and `first`. No branch depends on the keys: which half is next
    // cannot be foretold.
    template <class Slot, class Precedes>
    static unsigned partition(const Slot* slots, unsigned first, unsigned n,
                              Precedes precedes) noexcept {
        const auto* at = slots + first;
        while (n > 1) {
            auto half = n / 2;
            at += precedes(at[half - 1]) ? half : 0;
            n -= half;
        }
        at += precedes(*at) ? 1 : 0;
        return unsigned(at - slots);
    }
    template <bool Equal>
    unsigned rank_any(word key, unsigned low, unsigned high) const noexcept {
        while (low < high) {
            auto middle = low + (high - low) / 2;
            auto order = compare_words(this->key(middle), key);
            if (order < 0 || (Equal && order == 0))
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    std::atomic<version> version_{0};
    const std::uint64_t born_;
    const std::int64_t base_;
    std::atomic<std::uint16_t> count_{0};
    const std::uint16_t capacity_;
    const std::uint8_t level_;
    std::atomic<bool> all_small_{true};
    const bool is_packed_;
};
static_assert(sizeof(node) == 32);

/// A node that this thread has locked, unless it is false. Unlocks as changed, if nothing else is said.
class locked_node {
public:
    locked_node(node& n, node::version v) noexcept : node_(n.try_lock(v) ? &n : nullptr) {}
    ~locked_node() {
        if (!node_) return;
        if (gone_)
            node_->unlock_obsolete();
        else if (changed_)
            node_->unlock();
        else
            node_->unlock_unchanged();
    }
    locked_node(const locked_node&) = delete;
    locked_node& operator=(const locked_node&) = delete;

    explicit operator bool() const noexcept { return node_ != nullptr; }
    void set_changed(bool changed) noexcept { changed_ = changed; }
    /// It leaves the tree.
    void set_gone() noexcept { gone_ = true; }

private:
    node* node_;
    bool changed_ = true;
    bool gone_ = false;
};

}  // namespace beam::detail::ets::ordered
