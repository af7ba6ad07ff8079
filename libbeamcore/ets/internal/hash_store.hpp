// The rows of a set, bag or duplicate_bag: extendible hashing over chunks (chunk.hpp).
//
// A directory says for the first bits of a hash which chunk has it. A chunk that is full is replaced by a bigger one, at its
// greatest by two, each with half of the hashes; one that is sparse by a smaller one, or together with its neighbour by
// one. So a change costs at most one chunk's rebuilding, whatever the table's size; only the directory, a word for
// some hundred rows, is copied as a whole when it doubles.
//
// Locks, in the order they are taken: batch_ (lists and snapshots), chunks in ascending order of hashes (one, but for
// lists and snapshots; a neighbour is only tried), structure_ (whoever changes the directory; some stores long).
// Readers take none: directory, entry, line, row.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "libbeamcore/ets/internal/hash_rows.hpp"
#include "libbeamcore/ets/table.hpp"

namespace beam::detail::ets {

/// Memory that live snapshots keep of chunks that have been replaced: shared with them.
using kept_bytes = std::shared_ptr<std::atomic<std::int64_t>>;

class hash_store final : public hash_rows<hash_store, table_store> {
public:
    hash_store(beam::ets::table_type type, std::size_t keypos);
    ~hash_store() override;

    void insert(term row) override;
    bool insert_new(term row) override;
    bool insert_all(std::span<const term> all, bool only_new) override;
    std::size_t erase(const term& key, rows* taken) override;
    std::size_t erase_object(const term& row) override;
    bool update(const term& key, row_change f, void* context) override;
    integers_result update_integers(const term& key, std::size_t first, std::size_t count,
                                    integers_change f, void* context) override;
    /// update_integers of one element, inlined for its function: `change(std::int64_t&)`.
    template <class F>
    [[gnu::always_inline]] integers_result update_integer(const term& key, std::size_t position,
                                                          F change);
    [[nodiscard]] std::shared_ptr<const row_source> snapshot() override;
    [[nodiscard]] std::size_t size() const override;
    [[nodiscard]] std::size_t bytes() const override;

    /// Whatever is being inserted as a list has been, or nothing of it yet.
    [[nodiscard, gnu::always_inline]] chunk_ref chunk_at(std::uint64_t hash) const {
        if (batch_running_.load(std::memory_order_acquire)) [[unlikely]]
            wait_for_batch();
        return chunk_ref(entry_of(hash).load(std::memory_order_acquire));
    }

    // In a plain_section: without a call. False: nothing was done; it is more than that.
    [[nodiscard, gnu::always_inline]] bool find_plainly(const term& key, rows& found) const;
    [[nodiscard, gnu::always_inline]] bool put_plainly(const term& row);
    /// To the element behind the key.
    [[nodiscard, gnu::always_inline]] bool add_plainly(const term& key, std::int64_t increment,
                                                       std::int64_t& sum);

    /// Fetches lines, rows and what these refer to, for all keys at once.
    void fetch_ahead(std::span<const term> keys) const;

private:
    struct directory {
        unsigned depth = 0;  // at least 1
        unsigned shift = 0;  // 64 - depth
        [[nodiscard]] std::atomic<std::uint64_t>* entries() {
            return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1);
        }
        [[nodiscard]] std::size_t size() const { return std::size_t(1) << depth; }
        [[nodiscard]] std::size_t place(std::uint64_t hash) const { return hash >> shift; }
        static directory* make(unsigned depth);
        static void free(void* d) noexcept;
        static std::size_t bytes(unsigned depth) { return sizeof(directory) + (8u << depth); }
        std::uint64_t unused = 0;
    };
    static_assert(sizeof(directory) == 16);

    /// A chunk whose lock is held. Becomes that of its successor when it is replaced.
    class held_chunk {
    public:
        explicit held_chunk(chunk* c) : at(c) {}
        held_chunk(held_chunk&& other) noexcept : at(std::exchange(other.at, nullptr)) {}
        held_chunk& operator=(held_chunk&& other) noexcept {
            std::swap(at, other.at);
            return *this;
        }
        ~held_chunk() {
            if (at) unlock(at);
        }
        chunk* operator->() const { return at; }
        chunk* at;
    };

    [[nodiscard]] std::atomic<std::uint64_t>& entry_of(std::uint64_t hash) const {
        directory* d = directory_.load(std::memory_order_acquire);
        return d->entries()[d->place(hash)];
    }
    void wait_for_batch() const;
    [[nodiscard]] bool is_bag() const { return type_ != beam::ets::table_type::set; }

    // hash_store.cpp: rows
    [[nodiscard, gnu::always_inline]] home_line home_of(std::uint64_t hash) const {
        return home_line(chunk_ref(entry_of(hash).load(std::memory_order_acquire)), hash);
    }
    [[nodiscard]] held_chunk hold(std::uint64_t hash) const;
    [[nodiscard]] held_chunk hold(home_line& home, std::uint64_t hash) const;
    [[nodiscard, gnu::always_inline]] found_slot search(const held_chunk& c, std::uint64_t h,
                                                        const term& key) const {
        return layout.search(home_line(chunk_ref(c.at), h), key);
    }
    found_slot search_to_change(held_chunk& c, const home_line& home, std::uint64_t h,
                                const term& key);
    found_slot search_to_change(held_chunk& c, std::uint64_t h, const term& key) {
        return search_to_change(c, home_line(chunk_ref(c.at), h), h, key);
    }
    void add(held_chunk& c, const home_line& home, std::uint64_t h, term row,
             std::vector<held_chunk>* others = nullptr);
    void put_in(held_chunk& c, std::uint64_t h, term row, std::vector<held_chunk>* others);
    bool put_in_line(chunk* c, const home_line& home, const std::uint64_t* words);
    bool add_in_line(chunk* c, const home_line& home, std::uint64_t key, std::int64_t increment,
                     std::int64_t& sum);
    void replace(held_chunk& c, const found_slot& at, term row);
    void add_to_group(held_chunk& c, const found_slot& at, term row);
    void drop(held_chunk& c, const found_slot& at, rows* taken);
    void set_group(held_chunk& c, const found_slot& at, std::span<term_node* const> left);
    std::size_t retire_row(const found_slot& at);
    void count(std::int64_t by) {
        // The first threads have stripes of their own, in which nobody else counts.
        const std::uint32_t thread = this_reader->number;
        std::atomic<std::int64_t>& rows = counts_[std::min<std::size_t>(thread, stripes - 1)].rows;
        if (thread < stripes - 1)
            rows.store(rows.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
        else
            rows.fetch_add(by, std::memory_order_relaxed);
    }
    [[nodiscard]] unsigned wanted_arity(const term& row) const;
    integers_result update_held(held_chunk& c, const found_slot& found, std::size_t first,
                                std::size_t count, integers_change f, void* context);
    void write_integers(held_chunk& c, const found_slot& at, std::size_t first,
                        std::span<const std::int64_t> values);
    [[nodiscard]] bool try_change(const term& key, std::uint64_t h, home_line home,
                                  const found_slot& seen, term fresh);

    // hash_grow.cpp: chunks
    void make_room(held_chunk& c, std::uint64_t hash, std::vector<held_chunk>* others);
    void make_smaller(held_chunk& c);
    void unshare(held_chunk& c);
    bool merge(held_chunk& c);
    void split(held_chunk& c, std::uint64_t hash, std::vector<held_chunk>* others);
    void resize(held_chunk& c, unsigned lines, unsigned arity);
    [[nodiscard]] bool can_split(const chunk* c);
    void publish(std::span<chunk* const> fresh, unsigned replaced_depth, std::size_t replaced);
    void grow_directory();
    void shrink_directory();
    void take_words(chunk* from, chunk* to, std::uint64_t first, std::uint64_t last) const;
    static void fill_halves(chunk* from, chunk* lower, chunk* upper);
    void take_halves(chunk* from, chunk* lower, chunk* upper) const;
    template <class Wanted>
    static void fill(chunk* from, chunk* to, Wanted wanted);
    static void bury(chunk* c);
    [[nodiscard]] static chunk* copy_of(chunk* c);

    struct alignas(64) stripe {
        std::atomic<std::int64_t> rows{0};
    };
    static constexpr std::size_t stripes = 4;

    const beam::ets::table_type type_;
    std::atomic<directory*> directory_;
    std::atomic<bool> batch_running_{false};
    mutable std::mutex batch_;
    std::mutex structure_;
    std::size_t chunks_ = 1;   // under structure_
    std::size_t deepest_ = 0;  // chunks as deep as the directory; under structure_
    kept_bytes kept_;
    stripe counts_[stripes];
};

/// Under the lock: changes elements of an inlined row so that readers see all or none.
class change_of_row {
public:
    [[gnu::always_inline]] change_of_row(const found_slot& s, chunk* c)
        : slot_(*s.slot), word_(s.word), chunk_(c) {
        slot_.store(row_word::with_kind(word_, row_kind::changing), std::memory_order_relaxed);
    }
    [[gnu::always_inline]] ~change_of_row() {
        slot_.store(chunk_->next_version(row_word::tag(word_)), std::memory_order_release);
    }
    change_of_row(const change_of_row&) = delete;

private:
    chunk::atomic_word& slot_;
    std::uint64_t word_;
    chunk* chunk_;
};

// The chunk of a hash, locked and alive, and the hash's line in it. What the search will look at is fetched before the lock
// is taken, which stops the processor from looking ahead.
[[gnu::always_inline]] inline hash_store::held_chunk hash_store::hold(home_line& home,
                                                                      std::uint64_t hash) const {
    for (;;) {
        home.fetch_to_write();
        lock(home.in.at);
        if (!home.in.at->dead) [[likely]]
            return held_chunk(home.in.at);
        unlock(home.in.at);
        home = home_of(hash);
    }
}

// Searches what the caller is going to change if it is there.
[[gnu::always_inline]] inline found_slot hash_store::search_to_change(held_chunk& c,
                                                                      const home_line& home,
                                                                      std::uint64_t h,
                                                                      const term& key) {
    const found_slot found = layout.search(home, key);
    if (!found || c->pins == 0) [[likely]]
        return found;
    unshare(c);
    return search(c, h, key);
}

[[gnu::always_inline]] inline bool hash_store::find_plainly(const term& key, rows& found) const {
    const std::uint64_t word = term_access::word(key);
    if (!is_immediate(word) || batch_running_.load(std::memory_order_acquire)) [[unlikely]]
        return false;
    const home_line home = home_of(hash_of_immediate(word));
    home.fetch_rows();
    const unsigned there = slots_with_tag(home.slots, home.tag);
    if (there == 0) [[unlikely]]
        return !home.in.was_passed(home.number);
    const found_slot s = row_layout::first_of(home, there);
    return layout.has_plainly(s, home.tag, word) && take_inlined(s, found);
}

// Under the lock: puts a row of immediate values in a place of its home line, or in the place of such a one.
[[gnu::always_inline]] inline bool hash_store::put_in_line(chunk* c, const home_line& home,
                                                           const std::uint64_t* words) {
    const unsigned arity = home.in.arity;
    const unsigned there = slots_with_tag(home.slots, home.tag);
    if (there == 0) {
        unsigned free = free_slots(home.slots);
        if (free == 0 || c->is_full() || home.in.was_passed(home.number)) [[unlikely]]
            return false;
        c->put_in_slot(home.slots, take_slot(free), c->next_version(home.tag), words);
        ++c->rows;
        count(+1);
        return true;
    }
    const found_slot s = row_layout::first_of(home, there);
    if (!layout.has_plainly(s, home.tag, words[layout.key_index()])) [[unlikely]]
        return false;
    for (unsigned i = 0; i < arity; ++i)
        if (!is_immediate(s.elements[i].load(std::memory_order_relaxed))) [[unlikely]]
            return false;
    const change_of_row changing(s, c);
    for (unsigned i = 0; i < arity; ++i) s.elements[i].store(words[i], std::memory_order_release);
    return true;
}

[[gnu::always_inline]] inline bool hash_store::put_plainly(const term& row) {
    term_node* n = term_access::node(row);
    if (!n || n->kind != std::uint8_t(term_kind::tuple) || n->size <= layout.key_index())
        [[unlikely]]
        return false;
    const std::uint64_t* words = words_of(n);
    for (std::size_t i = 0; i < n->size; ++i)
        if (!is_immediate(words[i])) [[unlikely]]
            return false;
    const home_line home = home_of(hash_of_immediate(words[layout.key_index()]));
    home.fetch_to_write();
    chunk* c = home.in.at;
    if (!lock_at_once(c)) [[unlikely]]
        return false;
    const bool put = c->is_plain() && home.in.arity == n->size && put_in_line(c, home, words);
    unlock(c);
    return put;
}

// Under the lock. One element is changed by one store, so that a reader has the row as it was or as it is.
[[gnu::always_inline]] inline bool hash_store::add_in_line(chunk* c, const home_line& home,
                                                           std::uint64_t key,
                                                           std::int64_t increment,
                                                           std::int64_t& sum) {
    const unsigned there = slots_with_tag(home.slots, home.tag);
    const std::size_t at = layout.key_index() + 1;
    if (there == 0 || at >= home.in.arity) [[unlikely]]
        return false;
    const found_slot s = row_layout::first_of(home, there);
    if (!layout.has_plainly(s, home.tag, key)) [[unlikely]]
        return false;
    const std::uint64_t old = s.elements[at].load(std::memory_order_relaxed);
    if (!is_small(old) || __builtin_add_overflow(std::int64_t(old) >> 1, increment, &sum) ||
        !fits_small(sum)) [[unlikely]]
        return false;
    s.elements[at].store(small_word(sum), std::memory_order_release);
    s.slot->store(c->next_version(home.tag), std::memory_order_release);
    return true;
}

[[gnu::always_inline]] inline bool hash_store::add_plainly(const term& key, std::int64_t increment,
                                                           std::int64_t& sum) {
    const std::uint64_t word = term_access::word(key);
    if (!is_immediate(word)) [[unlikely]]
        return false;
    const home_line home = home_of(hash_of_immediate(word));
    home.fetch_to_write();
    chunk* c = home.in.at;
    if (!lock_at_once(c)) [[unlikely]]
        return false;
    const bool added = c->is_plain() && add_in_line(c, home, word, increment, sum);
    unlock(c);
    return added;
}

template <class F>
[[gnu::always_inline]] inline integers_result hash_store::update_integer(const term& key,
                                                                         std::size_t position,
                                                                         F change) {
    const std::uint64_t h = hash_of(key);
    home_line home = home_of(h);
    held_chunk c = hold(home, h);
    const found_slot found = search_to_change(c, home, h, key);
    if (!found) return integers_result::absent;
    if (found.is_inlined() && position <= found.arity) [[likely]] {
        chunk::atomic_word& element = found.elements[position - 1];
        const std::uint64_t word = element.load(std::memory_order_relaxed);
        std::int64_t value = std::int64_t(word) >> 1;
        if (is_small(word) && change(value) && fits_small(value)) [[likely]] {
            const change_of_row changing(found, c.at);
            element.store(small_word(value), std::memory_order_release);
            return integers_result::done;
        }
    }
    return update_held(
        c, found, position, 1,
        [](void* context, std::int64_t* value) { return (*static_cast<F*>(context))(*value); },
        &change);
}

}  // namespace beam::detail::ets
