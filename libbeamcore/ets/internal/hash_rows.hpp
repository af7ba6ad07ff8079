// Reading a hash store, live or as a snapshot has it: whoever derives from this says which chunk a hash belongs to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/ets/internal/chunk.hpp"
#include "libbeamcore/ets/internal/table_store.hpp"

namespace beam::detail::ets {

/// A key's hash: its order in the store. Immediate values are hashed here, without a call.
inline std::uint64_t hash_of(const term& key) {
    const std::uint64_t word = term_access::word(key);
    if (!is_immediate(word)) return key.hash();
    std::uint64_t x = word * 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 32)) * 0xBF58476D1CE4E5B9u;
    return x ^ (x >> 29);
}

struct found_slot {
    std::atomic<std::uint64_t>* slot = nullptr;
    std::uint64_t word = 0;
    explicit operator bool() const { return slot != nullptr; }
};

/// What finding a row needs to know of a table.
class row_layout {
public:
    explicit row_layout(std::size_t keypos) : key_at_(keypos - 1) {}

    [[nodiscard]] const term& key_of(const term_node* row) const {
        return elements_of(row)[key_at_];
    }
    [[nodiscard]] const term& key_in(std::uint64_t word) const {
        const bool group = row_word::kind(word) == row_kind::group;
        return key_of(group ? group_of(word)->rows()[0] : row_word::node(word));
    }
    [[nodiscard]] std::size_t key_index() const { return key_at_; }

    [[nodiscard, gnu::always_inline]] found_slot search(const chunk_ref& c, std::uint64_t hash,
                                                        const term& key) const {
        const std::uint64_t tag = c.tag_of(hash);
        unsigned line = c.home(tag);
        for (unsigned n = 0; n < c.lines; ++n) {
            auto* slots = c.at->line(line);
            for (unsigned j = 0; j < slots_a_line; ++j) {
                const std::uint64_t w = slots[j].load(std::memory_order_acquire);
                if (row_word::tag(w) == tag && w != 0 && key_in(w) == key) return {slots + j, w};
            }
            if (c.at->passed(line).load(std::memory_order_acquire) == 0) return {};
            line = line + 1 == c.lines ? 0 : line + 1;
        }
        return {};
    }

private:
    std::size_t key_at_;
};

/// A row for somebody to keep.
inline term row_of(std::uint64_t word) {
    term_node* n = row_word::node(word);
    if (row_word::kind(word) == row_kind::counter) return copy_counter(n);
    retain(n);
    return term_access::from_node(n);
}

template <class Rows>
void append_rows(std::uint64_t word, Rows& found) {
    if (row_word::kind(word) != row_kind::group) {
        found.push_back(row_of(word));
        return;
    }
    for (term_node* n : group_of(word)->all()) {
        retain(n);
        found.push_back(term_access::from_node(n));
    }
}

template <class Self, class Base>
class hash_rows : public Base {
public:
    explicit hash_rows(std::size_t keypos) : layout(keypos) {}

    void find(const term& key, rows& found) const final {
        const std::uint64_t h = hash_of(key);
        if (auto s = layout.search(self().chunk_at(h), h, key)) append_rows(s.word, found);
    }

    [[nodiscard]] bool contains(const term& key) const final {
        const std::uint64_t h = hash_of(key);
        return bool(layout.search(self().chunk_at(h), h, key));
    }

    bool scan(const scan_from& from, std::size_t wanted, std::vector<term>& found) const final {
        line_order order{layout, from.after, from.after ? hash_of(*from.after) : 0};
        const std::size_t before = found.size();
        for (std::uint64_t h = order.hash;;) {
            const chunk_ref c = self().chunk_at(h);
            const unsigned first = h > c.at->prefix ? c.home(c.tag_of(h)) : 0;
            for (unsigned line = first; line < c.lines; ++line) {
                order.collect(c, line, h);
                for (const auto& e : order.at_home) append_rows(e.word, found);
                if (found.size() - before >= wanted) return true;
            }
            if (c.at->last_hash() == ~std::uint64_t{0}) return false;
            h = c.at->last_hash() + 1;
        }
    }

    void each(const row_visitor& visit) const final {
        for (std::uint64_t h = 0;;) {
            const chunk_ref c = self().chunk_at(h);
            // Two chunks may have become one behind what was visited.
            const bool all = c.at->prefix == h;
            for (unsigned i = 0; i < c.lines * slots_a_line; ++i) {
                const std::uint64_t w = c.at->line(0)[i].load(std::memory_order_acquire);
                if (w == 0 || (!all && hash_of(layout.key_in(w)) < h)) continue;
                if (!show(w, visit)) return;
            }
            if (c.at->last_hash() == ~std::uint64_t{0}) return;
            h = c.at->last_hash() + 1;
        }
    }

protected:
    const row_layout layout;

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }

    static bool show(std::uint64_t word, const row_visitor& visit) {
        switch (row_word::kind(word)) {
            case row_kind::shared:
                return visit(borrowed_term(row_word::node(word)));
            case row_kind::counter:
                return visit(copy_counter(row_word::node(word)));
            case row_kind::group:
                for (term_node* n : group_of(word)->all())
                    if (!visit(borrowed_term(n))) return false;
        }
        return true;
    }

    /// The words whose home is a line, in order; behind `after`, if there is one.
    struct line_order {
        struct entry {
            std::uint64_t hash, word;
        };
        const row_layout& layout;
        const term* after;
        std::uint64_t hash;  // of after
        std::vector<entry> at_home = {};

        void collect(const chunk_ref& c, unsigned home, std::uint64_t from) {
            at_home.clear();
            for (unsigned n = 0, line = home; n < c.lines; ++n) {
                for (unsigned j = 0; j < slots_a_line; ++j) {
                    const std::uint64_t w = c.at->line(line)[j].load(std::memory_order_acquire);
                    if (w == 0 || c.home(row_word::tag(w)) != home) continue;
                    const term& key = layout.key_in(w);
                    const std::uint64_t h = hash_of(key);
                    if (h < from) continue;
                    if (after && h == hash && compare_exact(key, *after) <= 0) continue;
                    at_home.push_back({h, w});
                }
                if (c.at->passed(line).load(std::memory_order_acquire) == 0) break;
                line = line + 1 == c.lines ? 0 : line + 1;
            }
            if (at_home.size() < 2) return;
            std::sort(at_home.begin(), at_home.end(), [this](const entry& a, const entry& b) {
                if (a.hash != b.hash) return a.hash < b.hash;
                return compare_exact(layout.key_in(a.word), layout.key_in(b.word)) < 0;
            });
        }
    };
};

}  // namespace beam::detail::ets
