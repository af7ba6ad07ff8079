// A small hash table for links and monitors: a plain array for the first few, open addressing beyond.
//
// Eight bytes while empty, one allocation from the thread's cache otherwise. Keys and values are trivially
// copyable, or cheap to move. A key made by default is no key: it marks what is free. Order of iteration
// depends on the keys alone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>

#include "libbeamcore/runtime/detail/signal.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam::detail {

/// Where a key of a flat_table lies: eight keys with neighbouring numbers side by side, since processes and
/// references that were made together are looked up together; the eights scattered.
constexpr std::size_t scatter_eights(std::uint64_t number, std::uint64_t rest) {
    const std::uint64_t eight = ((number >> 3) ^ rest * 0xD6E8FEB86659FD93u) * 0x9E3779B97F4A7C15u;
    return std::size_t(eight >> 20 << 3 | (number & 7));
}

inline std::size_t place_of(const beam::pid& p) {
    return scatter_eights(p.id, std::uint64_t(p.serial) << 32 | p.node);
}
inline std::size_t place_of(std::uint64_t number) {
    return scatter_eights(number, 0);
}

inline std::size_t place_of(const beam::ref& r) {
    return scatter_eights(std::uint64_t(r.words[1]) << 32 | r.words[0],
                          std::uint64_t(r.words[2]) << 32 | r.node);
}

/// Whether it is the key made by default.
template <class Key>
bool is_no_key(const Key& key) {
    return key == Key{};
}
inline bool is_no_key(const beam::pid& p) {
    return (p.id | p.serial | p.node) == 0;
}

template <class Key, class Value>
class flat_table {
public:
    flat_table() = default;
    flat_table(flat_table&& other) noexcept : body_(std::exchange(other.body_, nullptr)) {}
    flat_table& operator=(flat_table&& other) noexcept {
        std::swap(body_, other.body_);
        return *this;
    }
    ~flat_table() { clear(); }

    [[nodiscard]] std::size_t size() const { return body_ ? body_->size : 0; }
    [[nodiscard]] bool empty() const { return size() == 0; }

    [[nodiscard]] Value* find(const Key& key) {
        cell* c = find_cell(key);
        return c ? &c->value : nullptr;
    }

    /// The value for `key`, made by default if there is none yet; and whether it was made.
    std::pair<Value*, bool> insert(const Key& key) {
        cell* c = find_place(key);
        if (c && c->used()) return {&c->value, false};
        if (!c || is_full()) {
            grow();
            c = find_place(key);
        }
        c->key = key;
        c->value = Value();
        ++body_->size;
        return {&c->value, true};
    }

    /// Removes and gives the value.
    bool take(const Key& key, Value* out = nullptr) {
        cell* c = find_cell(key);
        if (!c) return false;
        if (out) *out = std::move(c->value);
        remove_at(std::size_t(c - body_->cells()));
        return true;
    }

    template <class F>
    void for_each(F f) {
        if (!body_) return;
        const std::size_t n = body_->capacity <= linear_max ? body_->size : body_->capacity;
        for (std::size_t i = 0; i < n; ++i)
            if (body_->cells()[i].used()) f(body_->cells()[i].key, body_->cells()[i].value);
    }

    /// As for_each, at most `n` entries of it: from `*at` (0 at first) on, which is moved. True at the end.
    /// Nothing may be inserted or taken in between. `soon` is told a key some entries before its turn.
    template <class F, class Soon>
    bool for_some(std::size_t* at, std::size_t n, F f, Soon soon) {
        constexpr std::size_t ahead = 16;
        if (!body_) return true;
        const std::size_t end = body_->capacity <= linear_max ? body_->size : body_->capacity;
        for (; *at < end && n > 0; ++*at) {
            if (*at + ahead < end && body_->cells()[*at + ahead].used())
                soon(body_->cells()[*at + ahead].key);
            if (body_->cells()[*at].used()) {
                f(body_->cells()[*at].key, body_->cells()[*at].value);
                --n;
            }
        }
        return *at >= end;
    }

    /// Fetches where the first few entries lie.
    void fetch_ahead() const { __builtin_prefetch(body_); }
    /// Fetches the memory that find(key) will look at.
    void fetch_ahead(const Key& key) const {
        if (body_ && body_->capacity > linear_max) __builtin_prefetch(&body_->cells()[home(key)]);
    }

    void clear() {
        if (body_) free(std::exchange(body_, nullptr));
    }
    [[nodiscard]] std::size_t bytes() const { return body_ ? size_of(body_->capacity) : 0; }

private:
    static constexpr std::size_t linear_max = 8;

    struct cell {
        Key key{};
        Value value{};

        [[nodiscard]] bool used() const { return !is_no_key(key); }
    };
    struct storage {
        std::uint32_t size = 0;
        std::uint32_t capacity = 0;  // a power of two

        [[nodiscard]] cell* cells() { return reinterpret_cast<cell*>(this + 1); }
    };
    static_assert(sizeof(storage) % alignof(cell) == 0);

    static std::size_t size_of(std::size_t capacity) {
        return sizeof(storage) + capacity * sizeof(cell);
    }
    static storage* make(std::size_t capacity) {
        auto* s = ::new (allocate(size_of(capacity))) storage;
        s->capacity = std::uint32_t(capacity);
        std::uninitialized_value_construct_n(s->cells(), capacity);
        return s;
    }
    static void free(storage* s) {
        std::destroy_n(s->cells(), s->capacity);
        deallocate(s, size_of(s->capacity));
    }

    /// Where the key is, or would be put: null if that is nowhere.
    [[nodiscard]] cell* find_place(const Key& key) {
        if (!body_) return nullptr;
        cell* cells = body_->cells();
        if (body_->capacity <= linear_max) {
            for (std::size_t i = 0; i < body_->size; ++i)
                if (cells[i].key == key) return &cells[i];
            return body_->size < body_->capacity ? &cells[body_->size] : nullptr;
        }
        for (std::size_t i = home(key);; i = (i + 1) & (body_->capacity - 1))
            if (cells[i].key == key || !cells[i].used()) return &cells[i];
    }
    [[nodiscard]] cell* find_cell(const Key& key) {
        cell* c = find_place(key);
        return c && c->used() ? c : nullptr;
    }

    [[nodiscard]] std::size_t home(const Key& key) const {
        if constexpr (requires { place_of(key); })
            return place_of(key) & (body_->capacity - 1);
        else
            return std::hash<Key>()(key) & (body_->capacity - 1);
    }

    [[nodiscard]] bool is_full() const {
        return body_->size >=
               (body_->capacity <= linear_max ? body_->capacity : body_->capacity / 2);
    }

    void grow() {
        if (!body_)
            body_ = make(1);
        else
            rebuild(body_->capacity == linear_max ? linear_max * 4 : body_->capacity * 2);
    }

    void rebuild(std::size_t capacity) {
        storage* old = std::exchange(body_, make(capacity));
        const std::size_t n = old->capacity <= linear_max ? old->size : old->capacity;
        for (std::size_t i = 0; i < n; ++i)
            if (old->cells()[i].used())
                *insert(old->cells()[i].key).first = std::move(old->cells()[i].value);
        free(old);
    }

    void remove_at(std::size_t i) {
        --body_->size;
        if (body_->size == 0) {
            clear();
            return;
        }
        cell* cells = body_->cells();
        if (body_->capacity <= linear_max) {
            if (i != body_->size) cells[i] = std::move(cells[body_->size]);
            cells[body_->size] = cell();
            return;
        }
        // Backward shift: no tombstones, so a table that shrinks stays quick.
        const std::size_t mask = body_->capacity - 1;
        for (std::size_t j = (i + 1) & mask; cells[j].used(); j = (j + 1) & mask) {
            const std::size_t h = home(cells[j].key);
            if (((j - h) & mask) >= ((j - i) & mask)) {
                cells[i] = std::move(cells[j]);
                i = j;
            }
        }
        cells[i] = cell();
    }

    storage* body_ = nullptr;
};

}  // namespace beam::detail
