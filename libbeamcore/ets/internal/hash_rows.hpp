// Reading a hash store, live or as a snapshot has it: whoever derives from this says which chunk a hash belongs to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "libbeamcore/ets/internal/chunk.hpp"
#include "libbeamcore/ets/internal/table_store.hpp"

namespace beam::detail::ets {

/// A key's hash: its order in the store. Immediate values are hashed here, without a call. Its upper bits are used.
[[gnu::always_inline]] inline std::uint64_t hash_of_immediate(std::uint64_t word) {
    std::uint64_t x = word * 0x9E3779B97F4A7C15u;
    return (x ^ (x >> 32)) * 0xBF58476D1CE4E5B9u;
}
[[gnu::always_inline]] inline std::uint64_t hash_of(const term& key) {
    const std::uint64_t word = term_access::word(key);
    return is_immediate(word) ? hash_of_immediate(word) : key.hash();
}

/// A row that was found: its slot, and what was in it.
struct found_slot {
    chunk::atomic_word* slot = nullptr;
    chunk::atomic_word* elements = nullptr;  // if it is inlined
    std::uint64_t word = 0;                  // 0: none was found
    unsigned arity = 0;                      // of the chunk

    explicit operator bool() const { return word != 0; }
    [[nodiscard]] bool is_inlined() const { return row_word::is_inlined(word); }
};

/// The elements of an inlined row, which nobody was changing, as they were when its word was loaded. False: it has changed
/// since.
[[gnu::always_inline]] inline bool load_elements(const found_slot& s, std::uint64_t* words,
                                                 bool& all_immediate) {
    bool immediate = true;
    if (s.arity == 2) [[likely]] {  // a key and a value: without a loop
        const std::uint64_t first = s.elements[0].load(std::memory_order_acquire);
        const std::uint64_t second = s.elements[1].load(std::memory_order_acquire);
        words[0] = first;
        words[1] = second;
        immediate = is_immediate(first) && is_immediate(second);
    } else {
        for (unsigned i = 0; i < s.arity; ++i) {
            words[i] = s.elements[i].load(std::memory_order_acquire);
            immediate = immediate && is_immediate(words[i]);
        }
    }
    all_immediate = immediate;
    return s.slot->load(std::memory_order_relaxed) == s.word;
}
[[gnu::always_inline]] inline bool load_elements(const found_slot& s, std::uint64_t* words) {
    bool all_immediate = false;
    return row_word::kind(s.word) == row_kind::inlined && load_elements(s, words, all_immediate);
}

/// What is in a slot now.
inline found_slot slot_at(const chunk_ref& c, unsigned line, unsigned at) {
    chunk::atomic_word* slots = c.line(line);
    return {slots + at, slots + slots_a_line + at * c.arity,
            slots[at].load(std::memory_order_acquire), c.arity};
}

/// What finding a row needs to know of a table.
class row_layout {
public:
    explicit row_layout(std::size_t keypos) : key_at_(keypos - 1) {}

    [[nodiscard]] std::size_t key_index() const { return key_at_; }
    [[nodiscard]] const term& key_of(const term& row) const {
        return elements_of(term_access::node(row))[key_at_];
    }
    [[nodiscard]] const term& key_of(const beam::ets::rows& found) const {
        return found.front().elements()[key_at_];
    }
    /// The key's word of what is in a slot, or was when `word` was there.
    [[nodiscard, gnu::always_inline]] std::uint64_t key_in(const found_slot& s) const {
        if (s.is_inlined()) [[likely]]
            return s.elements[key_at_].load(std::memory_order_acquire);
        return key_of_node(s.word);
    }

    // Short, and all in one piece: the processor looks some 400 instructions ahead, so the fewer a look-up takes the
    // more of the next one is fetched while this one waits for memory.
    [[nodiscard, gnu::always_inline]] found_slot search(const home_line& home,
                                                        const term& key) const {
        unsigned left = slots_with_tag(home.slots, home.tag);
        if (left == 0) {
            if (!home.in.was_passed(home.number)) [[likely]]
                return {};
            return search_all(home.in.at, home.tag, key);
        }
        const found_slot s = first_of(home, left);
        if (has_plainly(s, home.tag, term_access::word(key)) &&
            s.slot->load(std::memory_order_relaxed) == s.word) [[likely]]
            return s;
        return search_all(home.in.at, home.tag, key);
    }

    /// The first of the slots `found` in a line.
    [[nodiscard, gnu::always_inline]] static found_slot first_of(const home_line& home,
                                                                 unsigned found) {
        const unsigned at = take_slot(found);
        const unsigned arity = home.in.arity;
        return {home.slots + at, home.slots + slots_a_line + at * arity,
                home.slots[at].load(std::memory_order_acquire), arity};
    }
    /// An inlined row with that tag and that word as its key, if it has not changed meanwhile. False says nothing.
    [[nodiscard, gnu::always_inline]] bool has_plainly(const found_slot& s, std::uint64_t tag,
                                                       std::uint64_t key) const {
        constexpr std::uint64_t inlined = std::uint64_t(row_kind::inlined);
        return s.word >> row_word::kind_shift == (tag << 2 | inlined) &&
               s.elements[key_at_].load(std::memory_order_acquire) == key;
    }

private:
    [[nodiscard, gnu::noinline]] found_slot search_all(chunk* at_chunk, std::uint64_t tag,
                                                       const term& key) const {
        const chunk_ref c(at_chunk);
        unsigned line = c.home(tag);
        chunk::atomic_word* slots = c.line(line);
        for (unsigned n = 0;;) {
            for (unsigned left = slots_with_tag(slots, tag); left != 0;) {
                const unsigned at = take_slot(left);
                found_slot s{slots + at, slots + slots_a_line + at * c.arity, 0, c.arity};
                if (is_there(s, tag, key)) return s;
            }
            if (!c.was_passed(line) || ++n == c.lines) return {};
            line = line + 1 == c.lines ? 0 : line + 1;
            slots = c.line(line);
        }
    }

    bool is_there(found_slot& s, std::uint64_t tag, const term& key) const {
        for (;;) {
            s.word = s.slot->load(std::memory_order_acquire);
            if (s.word == 0 || row_word::tag(s.word) != tag) [[unlikely]]
                return false;
            const bool equal = *borrowed_term(key_in(s)) == key;
            // A key of another row that has come to the slot says nothing.
            if (!s.is_inlined() || s.slot->load(std::memory_order_relaxed) == s.word) [[likely]]
                return equal;
        }
    }
    [[nodiscard, gnu::noinline]] std::uint64_t key_of_node(std::uint64_t word) const {
        const bool group = row_word::kind(word) == row_kind::group;
        term_node* n = group ? group_of(word)->rows()[0] : row_word::node(word);
        return words_of(n)[key_at_];
    }

    std::size_t key_at_;
};

/// An inlined row as the only one that was found: its elements are copied to where they are wanted. False: it has changed.
[[nodiscard, gnu::always_inline]] inline bool take_inlined(const found_slot& s, rows& found) {
    std::uint64_t* words = found.words();
    bool all_immediate = true;
    if (!load_elements(s, words, all_immediate)) return false;
    if (!all_immediate) [[unlikely]]
        for (unsigned i = 0; i < s.arity; ++i) retain_word(words[i]);
    found.has_words(s.arity, all_immediate);
    return true;
}

/// The row of a slot of a set where it lies, without a copy and without a reference: for who is in a read_section.
class borrowed_row {
public:
    borrowed_row() = default;
    borrowed_row(const borrowed_row&) = delete;

    /// False: it has changed since.
    [[nodiscard, gnu::always_inline]] bool take(const found_slot& s) {
        if (!s.is_inlined()) {
            node_ = reinterpret_cast<std::uint64_t>(row_word::node(s.word));
            return true;
        }
        arity_ = s.arity;
        return load_elements(s, words_);
    }
    /// Valid as long as this.
    [[nodiscard]] beam::ets::row get() const {
        if (node_ != 0) return beam::ets::row(reinterpret_cast<const term&>(node_));
        return beam::ets::row(std::span<const term>(reinterpret_cast<const term*>(words_), arity_));
    }

private:
    std::uint64_t node_ = 0;
    unsigned arity_ = 0;
    std::uint64_t words_[inline_arity_max];  // NOLINT: the first `arity_` of them are terms
};

template <class Rows>
void append_nodes(std::uint64_t word, Rows& found) {
    if (row_word::kind(word) == row_kind::shared) {
        found.push_back(term_of(row_word::address(word)));
        return;
    }
    for (term_node* n : group_of(word)->all())
        found.push_back(term_of(reinterpret_cast<std::uint64_t>(n)));
}

/// Appends what is in a slot. False: it has changed since.
template <class Rows>
[[nodiscard, gnu::always_inline]] inline bool append_rows(const found_slot& s, Rows& found) {
    if (!s.is_inlined()) {
        append_nodes(s.word, found);
        return true;
    }
    std::uint64_t words[inline_arity_max];
    if (!load_elements(s, words)) return false;
    for (unsigned i = 0; i < s.arity; ++i) retain_word(words[i]);
    found.push_words(words, s.arity);
    return true;
}

/// Shows rows in place; one tuple serves for inlined rows until somebody keeps it.
class row_shower {
public:
    explicit row_shower(const row_visitor& visit) : visit_(visit) {}
    row_shower(const row_shower&) = delete;
    ~row_shower() {
        if (scratch_) term_free(scratch_, sizeof(term_node) + arity_ * sizeof(term));
    }

    /// What is in a slot now, if there is anything. False: the visitor wants no more.
    bool show(found_slot s) {
        for (;; s.word = s.slot->load(std::memory_order_acquire)) {
            if (s.word == 0) return true;
            if (row_word::kind(s.word) == row_kind::shared)
                return visit_(borrowed_term(row_word::node(s.word)));
            if (row_word::kind(s.word) == row_kind::group) return show_group(s.word);
            std::uint64_t words[inline_arity_max];
            if (load_elements(s, words)) return show_words(words, s.arity);
            _mm_pause();
        }
    }

private:
    bool show_group(std::uint64_t word) const {
        for (term_node* n : group_of(word)->all())
            if (!visit_(borrowed_term(n))) return false;
        return true;
    }
    bool show_words(const std::uint64_t* words, unsigned arity) {
        if (scratch_ && arity_ != arity)
            term_free(std::exchange(scratch_, nullptr), sizeof(term_node) + arity_ * sizeof(term));
        arity_ = arity;
        if (!scratch_) scratch_ = new_node(term_kind::tuple, arity, arity * sizeof(term));
        std::copy_n(words, arity, words_of(scratch_));
        const bool more = visit_(borrowed_term(scratch_));
        if (scratch_->refs.load(std::memory_order_acquire) > 1) {
            // It is a term of somebody's from now on, with references of its own.
            for (unsigned i = 0; i < arity; ++i) retain_word(words[i]);
            release(std::exchange(scratch_, nullptr));
        }
        return more;
    }

    const row_visitor& visit_;
    term_node* scratch_ = nullptr;
    unsigned arity_ = 0;
};

template <class Self, class Base>
class hash_rows : public Base {
public:
    explicit hash_rows(std::size_t keypos) : layout(keypos) {}

    [[gnu::always_inline]] void find_rows(const term& key, rows& found) const {
        const std::uint64_t h = hash_of(key);
        for (;;) {
            const home_line home(self().chunk_at(h), h);
            home.fetch();
            const found_slot s = layout.search(home, key);
            if (!s || append_rows(s, found)) return;
            _mm_pause();
        }
    }

    void find(const term& key, rows& found) const final { find_rows(key, found); }

    /// Of a set: shows the row with that key in place. False if there is none. The caller is in a read_section.
    template <class F>
    [[gnu::always_inline]] bool show(const term& key, F f) const {
        const std::uint64_t h = hash_of(key);
        for (;;) {
            const home_line home(self().chunk_at(h), h);
            home.fetch();
            const found_slot s = layout.search(home, key);
            if (!s) return false;
            borrowed_row there;
            if (there.take(s)) {
                f(there.get());
                return true;
            }
            _mm_pause();
        }
    }

    [[nodiscard]] bool contains(const term& key) const final {
        const std::uint64_t h = hash_of(key);
        const home_line home(self().chunk_at(h), h);
        home.fetch();
        return bool(layout.search(home, key));
    }

    bool scan(const scan_from& from, std::size_t wanted, std::vector<term>& found) const final {
        line_order order{layout, from.after, from.after ? hash_of(*from.after) : 0};
        const std::size_t before = found.size();
        for (std::uint64_t h = order.hash;;) {
            const chunk_ref c = self().chunk_at(h);
            const unsigned first = h > c.at->prefix ? c.home(c.tag_of(h)) : 0;
            for (unsigned line = first; line < c.lines; ++line) {
                order.collect(c, line, h);
                for (const auto& e : order.at_home)
                    for (const auto& r : e.rows) found.push_back(r);
                if (found.size() - before >= wanted) return true;
            }
            if (c.at->last_hash() == ~std::uint64_t{0}) return false;
            h = c.at->last_hash() + 1;
        }
    }

    void each(const row_visitor& visit) const final {
        row_shower shower(visit);
        for (std::uint64_t h = 0;;) {
            const chunk_ref c = self().chunk_at(h);
            // Two chunks may have become one behind what was visited.
            const bool all = c.at->prefix == h;
            for (unsigned i = 0; i < c.lines * slots_a_line; ++i) {
                const found_slot s = slot_at(c, i / slots_a_line, i % slots_a_line);
                if (!s || (!all && hash_of(borrowed_term(layout.key_in(s))) < h)) continue;
                if (!shower.show(s)) return;
            }
            if (c.at->last_hash() == ~std::uint64_t{0}) return;
            h = c.at->last_hash() + 1;
        }
    }

protected:
    const row_layout layout;

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }

    /// The rows whose home is a line, in order; behind `after`, if there is one.
    struct line_order {
        struct entry {
            std::uint64_t hash;
            beam::ets::rows rows;  // of one key
        };
        const row_layout& layout;
        const term* after;
        std::uint64_t hash;  // of after
        std::vector<entry> at_home = {};

        void collect(const chunk_ref& c, unsigned home, std::uint64_t from) {
            at_home.clear();
            for (unsigned n = 0, line = home; n < c.lines; ++n) {
                for (unsigned at = 0; at < slots_a_line; ++at) take(c, line, at, home, from);
                if (!c.was_passed(line)) break;
                line = line + 1 == c.lines ? 0 : line + 1;
            }
            if (at_home.size() < 2) return;
            std::sort(at_home.begin(), at_home.end(), [this](const entry& a, const entry& b) {
                if (a.hash != b.hash) return a.hash < b.hash;
                return compare_exact(layout.key_of(a.rows), layout.key_of(b.rows)) < 0;
            });
        }

        void take(const chunk_ref& c, unsigned line, unsigned at, unsigned home,
                  std::uint64_t from) {
            entry e{0, {}};
            for (;;) {
                const found_slot s = slot_at(c, line, at);
                if (!s || c.home(row_word::tag(s.word)) != home) return;
                if (append_rows(s, e.rows)) break;
                _mm_pause();
            }
            const term& key = layout.key_of(e.rows);
            e.hash = hash_of(key);
            if (e.hash < from) return;
            if (after && e.hash == hash && compare_exact(key, *after) <= 0) return;
            at_home.push_back(std::move(e));
        }
    };
};

}  // namespace beam::detail::ets
