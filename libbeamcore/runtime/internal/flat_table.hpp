// A small hash table for links and monitors: a plain array for the first few, open addressing beyond.
//
// Eight bytes while empty, one allocation otherwise. Keys and values are trivially copyable, or cheap to
// move. Order of iteration depends on the keys alone.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace beam::detail {

template <class Key, class Value>
class flat_table {
public:
    [[nodiscard]] std::size_t size() const { return body_ ? body_->size : 0; }
    [[nodiscard]] bool empty() const { return size() == 0; }

    [[nodiscard]] Value* find(const Key& key) {
        cell* c = find_cell(key);
        return c ? &c->value : nullptr;
    }

    /// The value for `key`, made by default if there is none yet; and whether it was made.
    std::pair<Value*, bool> insert(const Key& key) {
        if (Value* v = find(key)) return {v, false};
        grow_if_needed();
        cell* c = nullptr;
        if (body_->capacity <= linear_max) {
            c = &body_->cells[body_->size];
        } else {
            std::size_t i = home(key);
            while (body_->cells[i].used) i = (i + 1) & (body_->capacity - 1);
            c = &body_->cells[i];
        }
        c->used = true;
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
        remove_at(std::size_t(c - body_->cells.get()));
        return true;
    }

    template <class F>
    void for_each(F f) {
        if (!body_) return;
        const std::size_t n = body_->capacity <= linear_max ? body_->size : body_->capacity;
        for (std::size_t i = 0; i < n; ++i)
            if (body_->cells[i].used) f(body_->cells[i].key, body_->cells[i].value);
    }

    void clear() { body_.reset(); }
    [[nodiscard]] std::size_t bytes() const { return body_ ? body_->capacity * sizeof(cell) : 0; }

private:
    static constexpr std::size_t linear_max = 8;

    struct cell {
        bool used = false;
        Key key{};
        Value value{};
    };
    struct storage {
        std::size_t size = 0;
        std::size_t capacity = 0;  // a power of two
        std::unique_ptr<cell[]> cells;
    };

    [[nodiscard]] cell* find_cell(const Key& key) {
        if (!body_) return nullptr;
        cell* cells = body_->cells.get();
        if (body_->capacity <= linear_max) {
            for (std::size_t i = 0; i < body_->size; ++i)
                if (cells[i].key == key) return &cells[i];
            return nullptr;
        }
        for (std::size_t i = home(key);; i = (i + 1) & (body_->capacity - 1)) {
            if (!cells[i].used) return nullptr;
            if (cells[i].key == key) return &cells[i];
        }
    }

    [[nodiscard]] std::size_t home(const Key& key) const {
        return std::hash<Key>()(key) & (body_->capacity - 1);
    }

    void grow_if_needed() {
        if (!body_) {
            body_ = std::make_unique<storage>();
            body_->capacity = 2;
            body_->cells = std::make_unique<cell[]>(2);
            return;
        }
        const std::size_t limit =
            body_->capacity <= linear_max ? body_->capacity : body_->capacity / 2;
        if (body_->size < limit) return;
        rebuild(body_->capacity == linear_max ? linear_max * 4 : body_->capacity * 2);
    }

    void rebuild(std::size_t capacity) {
        auto old = std::move(body_->cells);
        const std::size_t n = body_->capacity <= linear_max ? body_->size : body_->capacity;
        body_->cells = std::make_unique<cell[]>(capacity);
        body_->capacity = capacity;
        body_->size = 0;
        for (std::size_t i = 0; i < n; ++i)
            if (old[i].used) *insert(old[i].key).first = std::move(old[i].value);
    }

    void remove_at(std::size_t i) {
        --body_->size;
        if (body_->size == 0) {
            body_.reset();
            return;
        }
        auto* cells = body_->cells.get();
        if (body_->capacity <= linear_max) {
            if (i != body_->size) cells[i] = std::move(cells[body_->size]);
            cells[body_->size] = cell();
            return;
        }
        // Backward shift: no tombstones, so a table that shrinks stays quick.
        const std::size_t mask = body_->capacity - 1;
        for (std::size_t j = (i + 1) & mask; cells[j].used; j = (j + 1) & mask) {
            const std::size_t h = home(cells[j].key);
            if (((j - h) & mask) >= ((j - i) & mask)) {
                cells[i] = std::move(cells[j]);
                i = j;
            }
        }
        cells[i] = cell();
    }

    std::unique_ptr<storage> body_;
};

}  // namespace beam::detail
