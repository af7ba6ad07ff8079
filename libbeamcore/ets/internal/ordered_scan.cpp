// Leaf after leaf, each found by the bound where the one before it ended. So leaves need no links to each other, and
// a scan holds on to nothing between two of them. What is read of one leaf is of one instant.
#include "libbeamcore/ets/internal/ordered_scan.hpp"

#include <algorithm>
#include <array>

namespace beam::detail::ets::ordered {
namespace {

using kind = scan_target::kind;

struct leaf_rows {
    std::array<word, node::entries_max> rows;
    unsigned count = 0;
    scan_target next{};
    bool is_last = false;
};

struct leaf_scan {
    view from;
    key_range range;
    bool down;
};

template <bool Live>
bool try_read_up(const leaf_scan& s, const scan_target& at, unsigned n, leaf_rows& to) {
    leaf_place place;
    if (!try_descend<Live>(s.from.top, at, place)) return false;
    const auto& leaf = *place.leaf;
    auto count = leaf.count(), first = at.edge(leaf, count);
    auto end = s.range.where ? s.range.upper(leaf, first, count) : count;
    bool is_cut = end - first > n;
    to.count = std::min(end - first, n);
    for (unsigned i = 0; i < to.count; ++i) to.rows[i] = leaf.value(first + i);
    to.next = {is_cut ? kind::behind : kind::from, is_cut ? leaf.key(first + n - 1) : place.high};
    to.is_last = !is_cut && (end < count || place.high == 0);
    return !Live || leaf.is_at(place.version);
}

template <bool Live>
bool try_read_down(const leaf_scan& s, const scan_target& at, unsigned n, leaf_rows& to) {
    leaf_place place;
    if (!try_descend<Live>(s.from.top, at, place)) return false;
    const auto& leaf = *place.leaf;
    auto end = at.edge(leaf, leaf.count());
    auto first = s.range.where ? s.range.lower(leaf, 0, end) : 0;
    bool is_cut = end - first > n;
    to.count = std::min(end - first, n);
    for (unsigned i = 0; i < to.count; ++i) to.rows[i] = leaf.value(end - 1 - i);
    to.next = {kind::before, is_cut ? leaf.key(end - n) : place.low};
    to.is_last = !is_cut && (first > 0 || place.low == 0);
    return !Live || leaf.is_at(place.version);
}

template <bool Live>
bool try_read(const leaf_scan& s, const scan_target& at, unsigned n, leaf_rows& to) {
    return s.down ? try_read_down<Live>(s, at, n, to) : try_read_up<Live>(s, at, n, to);
}

void read(const leaf_scan& s, const scan_target& at, std::size_t wanted, leaf_rows& to) {
    auto n = unsigned(std::min<std::size_t>(wanted, node::entries_max));
    if (!s.from.is_live) {
        try_read<false>(s, at, n, to);
        return;
    }
    for (backoff wait; !try_read<true>(s, at, n, to);) wait.pause();
}

scan_target start_of(const scan_from& from) {
    key_range range{from.where, from.context};
    // A key that is not in the range yet: the range's beginning is farther.
    auto is_before = [&] {
        auto place = from.where(from.context, *from.after);
        return from.reverse ? place > 0 : place < 0;
    };
    if (from.after && !(from.where && is_before()))
        return {from.reverse ? kind::before : kind::behind, word_of(*from.after)};
    if (from.where) return {from.reverse ? kind::range_high : kind::range_low, 0, range};
    return {from.reverse ? kind::highest : kind::lowest};
}

// The rows lie all over the heap: some are fetched while those before them are looked at.
void prefetch_row(const leaf_rows& leaf, unsigned i) noexcept {
    constexpr unsigned ahead = 8;
    if (i + ahead < leaf.count) __builtin_prefetch(boxed(leaf.rows[i + ahead]));
}

}  // namespace

bool scan(view from, const scan_from& what, std::size_t wanted, std::vector<term>& found) {
    leaf_scan s{from, {what.where, what.context}, what.reverse};
    auto at = start_of(what);
    leaf_rows leaf;
    while (wanted > 0) {
        read(s, at, wanted, leaf);
        for (unsigned i = 0; i < leaf.count; ++i) {
            prefetch_row(leaf, i);
            found.push_back(counted(leaf.rows[i]));
        }
        if (leaf.is_last) return false;
        wanted -= leaf.count;
        at = leaf.next;
    }
    return true;
}

void each(view from, const row_visitor& visit) {
    leaf_scan s{from, {}, false};
    scan_target at;
    leaf_rows leaf;
    do {
        read(s, at, node::entries_max, leaf);
        for (unsigned i = 0; i < leaf.count; ++i) {
            prefetch_row(leaf, i);
            if (!visit(borrowed(leaf.rows[i]))) return;
        }
        at = leaf.next;
    } while (!leaf.is_last);
}

}  // namespace beam::detail::ets::ordered
