// Chunks of a hash store replaced by others: bigger, two, smaller, one for two, and copies for snapshots.
#include <algorithm>
#include <new>

#include "libbeamcore/ets/internal/hash_store.hpp"

namespace beam::detail::ets {

namespace {

constexpr unsigned depth_max = 40;

unsigned more_lines(unsigned lines) {
    return lines + std::max(1u, lines / 2);
}
unsigned more_lines_for(const chunk& c) {
    const unsigned lines = more_lines(c.lines);
    return c.lines < c.lines_max() ? std::min(lines, c.lines_max()) : lines;
}
/// With room for a few more.
unsigned lines_for(std::size_t slots) {
    return std::max(1u, unsigned((slots + 4) / 5));
}

/// Whether the rows that are inlined are worth the room for all, judged by some of them: hashes have mixed them.
unsigned arity_for(chunk* c) {
    if (c->arity == 0) return 0;
    constexpr unsigned lines_judged = 8;
    const unsigned step = std::max(1u, c->lines / lines_judged);
    std::size_t inlined = 0, seen = 0;
    for (unsigned i = 0; i < c->lines; i += step) {
        for (unsigned j = 0; j < slots_a_line; ++j) {
            const std::uint64_t w = c->line(i)[j].load(std::memory_order_relaxed);
            seen += w != 0;
            inlined += w != 0 && row_word::is_inlined(w);
        }
    }
    return inlined * 4 >= seen ? c->arity : 0;
}

std::size_t rows_in(std::uint64_t word) {
    return row_word::kind(word) == row_kind::group ? group_of(word)->all().size() : 1;
}

}  // namespace

hash_store::directory* hash_store::directory::make(unsigned depth) {
    auto* d = new (::operator new(bytes(depth))) directory;
    d->depth = depth;
    d->shift = 64 - depth;
    for (std::size_t i = 0; i < d->size(); ++i)
        new (d->entries() + i) std::atomic<std::uint64_t>(0);
    return d;
}

void hash_store::directory::free(void* d) noexcept {
    ::operator delete(d);
}

// Puts the words that are wanted in an empty chunk of the same base and arity. This is what a table's growth costs.
template <class Wanted>
[[gnu::always_inline]] inline void hash_store::fill(chunk* from, chunk* to, Wanted wanted) {
    std::uint8_t filled[chunk::fill_lines_max] = {};
    const unsigned arity = from->arity;
    const std::size_t stride = slots_a_line * (1 + arity);
    const chunk::atomic_word* line = from->line(0);
    for (unsigned i = 0; i < from->lines; ++i, line += stride) {
        for (unsigned j = 0; j < slots_a_line; ++j) {
            const std::uint64_t w = line[j].load(std::memory_order_relaxed);
            if (w != 0 && wanted(w)) to->fill(filled, w, line + slots_a_line + j * arity);
        }
    }
}

// Puts the words of hashes first to last in another chunk: all, or one of the halves. What they refer to is then both
// chunks', until one is buried without it. Rows that were inlined for another arity get a node.
void hash_store::take_words(chunk* from, chunk* to, std::uint64_t first, std::uint64_t last) const {
    const bool all = first <= from->prefix && last >= from->last_hash();
    const unsigned side_shift = tag_bits - 1 - (from->depth - from->base);
    const unsigned more = from->base - to->base;  // bits of the prefix, where to's base is less
    to->version = std::max(to->version, from->version);
    if (to->base == from->base && to->arity == from->arity && to->used == 0 &&
        to->lines <= chunk::fill_lines_max) {
        fill(from, to, [&](std::uint64_t w) {
            return all || (row_word::tag(w) >> side_shift & 1) == (first > from->prefix);
        });
        return;
    }
    from->for_each([&](std::uint64_t w, const chunk::atomic_word* elements) {
        std::uint64_t tag = row_word::tag(w);
        if (!all && (tag >> side_shift & 1) != (first > from->prefix)) return;
        std::uint64_t words[inline_arity_max];
        const bool inlined = row_word::is_inlined(w);
        if (inlined)
            for (unsigned i = 0; i < from->arity; ++i)
                words[i] = elements[i].load(std::memory_order_relaxed);
        if (to->base > from->base) {
            const found_slot s{nullptr, nullptr, w, 0};
            tag = to->tag_of(
                hash_of(borrowed_term(inlined ? words[layout.key_index()] : layout.key_in(s))));
        } else if (more > 0) {
            tag = from->prefix << to->base >> (64 - more) << (tag_bits - more) | tag >> more;
        }
        if (!inlined)
            to->put(row_word::with_tag(w, tag));
        else if (to->arity == from->arity)
            to->put(row_word::with_tag(w, tag), words);
        else
            to->put(row_word::make(make_tuple(words, from->arity), row_kind::shared, tag));
    });
}

// Gives a chunk up that has been replaced and whose rows its successors have.
void hash_store::bury(chunk* c) {
    c->dead = true;
    const std::size_t bytes = c->bytes();
    unlock(c);
    retire(c, chunk::free_shell, bytes);
}

// Makes chunks, whose locks are held, what the directory says for their hashes, in the place of as many of that depth.
void hash_store::publish(std::span<chunk* const> fresh, unsigned replaced_depth,
                         std::size_t replaced) {
    std::lock_guard guard(structure_);
    for (const chunk* c : fresh)
        while (c->depth > directory_.load(std::memory_order_relaxed)->depth) grow_directory();
    directory* d = directory_.load(std::memory_order_relaxed);
    chunks_ += fresh.size();
    chunks_ -= replaced;
    if (replaced_depth == d->depth) deepest_ -= replaced;
    for (const chunk* c : fresh) {
        if (c->depth == d->depth) ++deepest_;
        const std::size_t last = d->place(c->last_hash());
        for (std::size_t at = d->place(c->prefix); at <= last; ++at)
            d->entries()[at].store(chunk_ref::word_of(c), std::memory_order_release);
    }
    if (deepest_ == 0 && d->depth > 1) shrink_directory();
}

void hash_store::grow_directory() {
    directory* old = directory_.load(std::memory_order_relaxed);
    directory* d = directory::make(old->depth + 1);
    for (std::size_t i = 0; i < d->size(); ++i)
        d->entries()[i].store(old->entries()[i / 2].load(std::memory_order_relaxed),
                              std::memory_order_relaxed);
    directory_.store(d, std::memory_order_release);
    deepest_ = 0;
    retire(old, directory::free, directory::bytes(old->depth));
}

// Under structure_: no chunk is as deep as the directory.
void hash_store::shrink_directory() {
    directory* old = directory_.load(std::memory_order_relaxed);
    while (deepest_ == 0 && old->depth > 1) {
        directory* d = directory::make(old->depth - 1);
        for (std::size_t i = 0; i < d->size(); ++i) {
            const std::uint64_t w = old->entries()[2 * i].load(std::memory_order_relaxed);
            d->entries()[i].store(w, std::memory_order_relaxed);
            if (chunk_ref(w).depth() == d->depth) ++deepest_;
        }
        directory_.store(d, std::memory_order_release);
        retire(old, directory::free, directory::bytes(old->depth));
        old = d;
    }
}

// A directory stays in proportion to the chunks: keys whose hashes begin alike get a big chunk in the end.
bool hash_store::can_split(const chunk* c) {
    if (c->depth >= depth_max) return false;
    std::lock_guard guard(structure_);
    const directory* d = directory_.load(std::memory_order_relaxed);
    return c->depth < d->depth || d->size() <= 16 + 8 * chunks_;
}

void hash_store::make_room(held_chunk& c, std::uint64_t hash, std::vector<held_chunk>* others) {
    if (c->lines >= c->lines_max() && can_split(c.at))
        split(c, hash, others);
    else
        resize(c, more_lines_for(*c.at), arity_for(c.at));
}

void hash_store::resize(held_chunk& c, unsigned lines, unsigned arity) {
    chunk* fresh = chunk::make(lines, arity, c->depth, c->base, c->prefix);
    lock(fresh);
    take_words(c.at, fresh, 0, ~std::uint64_t{0});
    fresh->rows = c->rows;
    fresh->row_bytes = c->row_bytes;
    publish({&fresh, 1}, c->depth, 1);
    bury(std::exchange(c.at, fresh));
}

// Puts the words of a chunk in two empty ones of the same base and arity in one pass: of all that a table's growth costs
// this is the most.
void hash_store::fill_halves(chunk* from, chunk* lower, chunk* upper) {
    std::uint8_t filled[2][chunk::fill_lines_max] = {};
    const unsigned arity = from->arity;
    const unsigned side_shift = tag_bits - 1 - (from->depth - from->base);
    const std::size_t stride = slots_a_line * (1 + arity);
    const chunk::atomic_word* line = from->line(0);
    lower->version = upper->version = from->version;
    for (unsigned i = 0; i < from->lines; ++i, line += stride) {
        for (unsigned j = 0; j < slots_a_line; ++j) {
            const std::uint64_t w = line[j].load(std::memory_order_relaxed);
            if (w == 0) continue;
            // Nearly all of a line goes to the same side: lines are in the order of hashes.
            const chunk::atomic_word* elements = line + slots_a_line + j * arity;
            if ((row_word::tag(w) >> side_shift & 1) != 0)
                upper->fill(filled[1], w, elements);
            else
                lower->fill(filled[0], w, elements);
        }
    }
    lower->rows = lower->used;
    upper->rows = upper->used;
}

// The same for all other cases.
void hash_store::take_halves(chunk* from, chunk* lower, chunk* upper) const {
    for (chunk* to : {lower, upper}) {
        take_words(from, to, to->prefix, to->last_hash());
        to->for_each([to](std::uint64_t w, const chunk::atomic_word*) { to->rows += rows_in(w); });
    }
}

void hash_store::split(held_chunk& c, std::uint64_t hash, std::vector<held_chunk>* others) {
    const unsigned depth = c->depth + 1u;
    const unsigned base = depth - c->base > common_bits_max ? depth : c->base;
    const std::uint64_t middle = c->prefix | std::uint64_t{1} << (64 - depth);
    const unsigned arity = arity_for(c.at);
    // Both as big as they may become: with what they have, lines have room, and they need not be rebuilt before they
    // are split. Where most hashes are in one half, it will be split at once.
    const unsigned lines = std::max(c->lines, c->lines_max());
    chunk* fresh[2] = {chunk::make(lines, arity, depth, base, c->prefix),
                       chunk::make(lines, arity, depth, base, middle)};
    for (chunk* half : fresh) lock(half);
    if (!is_bag() && base == c->base && arity == c->arity && lines <= chunk::fill_lines_max)
        fill_halves(c.at, fresh[0], fresh[1]);
    else
        take_halves(c.at, fresh[0], fresh[1]);
    // Rows are much alike: their bytes are shared out by their number; the sum is exact.
    fresh[0]->row_bytes = c->row_bytes / std::int64_t(c->rows) * std::int64_t(fresh[0]->rows);
    fresh[1]->row_bytes = c->row_bytes - fresh[0]->row_bytes;
    publish(fresh, c->depth, 1);
    bury(std::exchange(c.at, nullptr));
    const bool upper = hash >= middle;
    c.at = fresh[upper];
    held_chunk other(fresh[!upper]);
    if (others) others->push_back(std::move(other));
}

// After a removal; looks now and then only, since it may mean a look at another chunk.
void hash_store::make_smaller(held_chunk& c) {
    if (c->used % 16 != 0 && !c->is_sparse()) return;
    if (c->depth > 0 && c->used < c->lines_max() * slots_a_line / 4 && merge(c)) return;
    if (c->is_sparse()) resize(c, lines_for(c->used), arity_for(c.at));
}

// Makes one chunk of this and the one with the other half of the hashes, if that one is of the same depth, free and
// small.
bool hash_store::merge(held_chunk& c) {
    const std::uint64_t bit = std::uint64_t{1} << (64 - c->depth);
    chunk* other = chunk_ref(entry_of(c->prefix ^ bit).load(std::memory_order_acquire)).at;
    if (other == c.at || !try_lock(other)) return false;
    held_chunk buddy(other);
    if (buddy->dead || buddy->depth != c->depth || buddy->pins > 0 ||
        buddy->used + c->used > c->lines_max() * slots_a_line / 3)
        return false;
    const unsigned depth = c->depth - 1u;
    const unsigned base = std::min({unsigned(c->base), unsigned(buddy->base), depth});
    const std::size_t used = buddy->used + c->used;
    const unsigned arity = arity_for(c->used > buddy->used ? c.at : buddy.at);
    chunk* fresh = chunk::make(lines_for(used), arity, depth, base, c->prefix & ~bit);
    lock(fresh);
    for (chunk* from : {c.at, buddy.at}) {
        take_words(from, fresh, 0, ~std::uint64_t{0});
        fresh->rows += from->rows;
        fresh->row_bytes += from->row_bytes;
    }
    publish({&fresh, 1}, c->depth, 2);
    bury(std::exchange(buddy.at, nullptr));
    bury(std::exchange(c.at, fresh));
    return true;
}

// A chunk with the same rows, which has references of its own.
chunk* hash_store::copy_of(chunk* c) {
    chunk* fresh = chunk::make(c->lines, c->arity, c->depth, c->base, c->prefix);
    fresh->rows = c->rows;
    fresh->row_bytes = c->row_bytes;
    fresh->version = c->version;
    c->for_each([&](std::uint64_t w, const chunk::atomic_word* elements) {
        std::uint64_t words[inline_arity_max];
        if (row_word::is_inlined(w)) {
            for (unsigned i = 0; i < c->arity; ++i) {
                words[i] = elements[i].load(std::memory_order_relaxed);
                retain_word(words[i]);
            }
            fresh->put(w, words);
        } else if (row_word::kind(w) == row_kind::shared) {
            retain(row_word::node(w));
            fresh->put(w);
        } else {
            row_group* old = group_of(w);
            row_group* g = row_group::make(old->capacity);
            const auto all = old->all();
            for (term_node* row : all) retain(row);
            std::copy(all.begin(), all.end(), g->rows());
            g->count.store(std::uint32_t(all.size()), std::memory_order_relaxed);
            fresh->put(row_word::make(g, row_kind::group, row_word::tag(w)));
        }
    });
    return fresh;
}

// Before the first change of a chunk that snapshots have: the table gets a copy, the chunk is theirs alone.
void hash_store::unshare(held_chunk& c) {
    chunk* fresh = copy_of(c.at);
    lock(fresh);
    publish({&fresh, 1}, c->depth, 1);
    kept_->fetch_add(std::int64_t(c->bytes()), std::memory_order_relaxed);
    c->dead = true;
    unlock(std::exchange(c.at, fresh));
}

}  // namespace beam::detail::ets
