// Lists that are inserted at one instant. A short one locks the leaves it goes to, all of them before it changes the
// first and until it has changed the last: who sees a row of it has waited for that leaf, and waits for the others. Any
// other, and one that finds too little room, works behind the closed gate in copies.
#include <algorithm>
#include <array>
#include <optional>

#include "libbeamcore/ets/internal/ordered_tree.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"

namespace beam::detail::ets::ordered {
namespace {

constexpr std::size_t few = 16;
constexpr int attempts_max = 8;

/// The leaves that a short list goes to.
class few_leaves {
public:
    /// The index of that leaf; none if it was another version of it before.
    std::optional<unsigned> add(const leaf_place& place, bool is_new) noexcept {
        unsigned i = 0;
        while (i < count_ && leaves_[i].leaf != place.leaf) ++i;
        if (i == count_) leaves_[count_++] = {place.leaf, place.version, 0};
        if (leaves_[i].version != place.version) return {};
        leaves_[i].more += is_new ? 1 : 0;
        return i;
    }
    [[nodiscard]] bool has_room(unsigned i) const noexcept {
        return leaves_[i].leaf->count() + leaves_[i].more <= leaves_[i].leaf->capacity();
    }
    [[nodiscard]] node& leaf(unsigned i) const noexcept { return *leaves_[i].leaf; }

    /// All, or none.
    bool try_lock() noexcept {
        for (unsigned i = 0; i < count_; ++i) {
            if (locks_[i].emplace(*leaves_[i].leaf, leaves_[i].version)) continue;
            while (i-- > 0) locks_[i]->set_changed(false);
            return false;
        }
        return true;
    }
    void unlock() noexcept {
        for (auto& lock : locks_) lock.reset();
    }

private:
    struct entry {
        node* leaf;
        node::version version;
        unsigned more;  // rows to come
    };
    std::array<entry, few> leaves_;
    std::array<std::optional<locked_node>, few> locks_;
    unsigned count_ = 0;
};

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
    if (rows.size() <= few) {
        writer w(*this);
        auto result = few_result::again;
        for (int i = 0; i < attempts_max && result == few_result::again; ++i)
            result = try_put_few(w, rows, only_new);
        if (result == few_result::done) return true;
        if (result == few_result::refused) return false;
    }
    return put_many(rows, only_new);
}

tree::few_result tree::try_put_few(session& s, std::span<const term> rows, bool only_new) {
    few_leaves leaves;
    std::array<unsigned, few> leaf_of{};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto key = key_of(rows[i]);
        leaf_place place;
        if (!try_descend<true>(s.anchor, at_key{key}, place)) return few_result::again;
        auto is_present = entry_of(*place.leaf, key).is_present;
        if (!place.leaf->is_at(place.version)) return few_result::again;
        if (only_new && is_present) return few_result::refused;
        if (!make_ready(s, *place.leaf, key, is_present)) return few_result::again;
        auto leaf = leaves.add(place, !is_present);
        if (!leaf) return few_result::again;
        if (!leaves.has_room(*leaf)) return few_result::no_room;
        leaf_of[i] = *leaf;
    }
    if (!leaves.try_lock()) return few_result::again;

    std::array<word, few> replaced{};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        auto& leaf = leaves.leaf(leaf_of[i]);
        auto where = entry_of(leaf, key_of(rows[i]));
        if (where.is_present) replaced[i] = leaf.value(where.at);
        put(s, leaf, where, term(rows[i]));
    }
    leaves.unlock();
    for (auto row : replaced)
        if (row != 0) retire_row(s, row);
    return few_result::done;
}

bool tree::put_many(std::span<const term> rows, bool only_new) {
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

}  // namespace beam::detail::ets::ordered
