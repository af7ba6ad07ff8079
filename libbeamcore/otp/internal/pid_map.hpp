// pid_map<T>: a T* by pid; open addressing, so a look-up is one or two cache lines and an entry 24 bytes.
#pragma once

#include <cstddef>
#include <memory>

#include "libbeamcore/term/pid.hpp"

namespace beam::detail {

template <class T>
class pid_map {
public:
    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] T* find(const pid& key) const {
        if (size_ == 0) return nullptr;
        for (std::size_t i = home(key); cells_[i].value; i = next(i))
            if (cells_[i].key == key) return cells_[i].value;
        return nullptr;
    }

    // `key` must not be in it.
    void insert(const pid& key, T* value) {
        if ((size_ + 1) * 4 > capacity_ * 3) grow();
        put(key, value);
        ++size_;
    }

    T* erase(const pid& key) {
        if (size_ == 0) return nullptr;
        std::size_t i = home(key);
        while (cells_[i].value && !(cells_[i].key == key)) i = next(i);
        T* found = cells_[i].value;
        if (!found) return nullptr;
        --size_;
        // Closes the gap: each entry behind it that may lie there moves up, so that no search ends early.
        for (std::size_t j = next(i); cells_[j].value; j = next(j)) {
            std::size_t h = home(cells_[j].key);
            bool stays = i <= j ? (i < h && h <= j) : (i < h || h <= j);
            if (stays) continue;
            cells_[i] = cells_[j];
            i = j;
        }
        cells_[i] = {};
        return found;
    }

private:
    struct cell {
        pid key{};
        T* value = nullptr;
    };

    // Children started one after another have neighbouring ids: eight such lie side by side, in two cache
    // lines or three, and the eights are scattered, so that an erase finds the end of its run soon.
    [[nodiscard]] std::size_t home(const pid& key) const {
        std::size_t eight = (key.id >> 3) + (std::size_t(key.node) << 32);
        eight = eight * 0x9E3779B97F4A7C15u >> 20;
        return (eight << 3 | (key.id & 7)) & (capacity_ - 1);
    }
    [[nodiscard]] std::size_t next(std::size_t i) const { return (i + 1) & (capacity_ - 1); }

    void put(const pid& key, T* value) {
        std::size_t i = home(key);
        while (cells_[i].value) i = next(i);
        cells_[i] = {key, value};
    }

    void grow() {
        auto old = std::move(cells_);
        std::size_t n = capacity_;
        capacity_ = n == 0 ? 8 : n * 2;
        cells_ = std::make_unique<cell[]>(capacity_);
        for (std::size_t i = 0; i < n; ++i)
            if (old[i].value) put(old[i].key, old[i].value);
    }

    std::unique_ptr<cell[]> cells_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
};

}  // namespace beam::detail
