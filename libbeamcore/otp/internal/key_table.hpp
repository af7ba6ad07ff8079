// key_table: the entries of a registry by key.
//
// Open addressing. What is searched are tags, 32 bits of the keys' hashes, side by side; then the one cell that
// has the key, half a cache line with the key's first entry in it. So a look-up among very many unique keys
// waits for memory once. Further entries of a key lie apart.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "libbeamcore/otp/registry.hpp"

namespace beam::detail {

class key_table {
public:
    key_table() = default;
    key_table(const key_table&) = delete;
    key_table& operator=(const key_table&) = delete;
    ~key_table() { release(cells_, tags_.get(), capacity_); }

    static constexpr std::size_t nowhere = SIZE_MAX;

    /// Has the key's place fetched from memory. Without the table's lock, so that the wait for memory and that for the
    /// lock are one: what is read may be out of date, or not fit together, and is an address to fetch at most.
    void prefetch(std::uint64_t hash) const noexcept {
        const std::uint32_t place =
            tag_of(hash) * mixer >> shift_hint_.load(std::memory_order_relaxed);
        fetch(tags_hint_.load(std::memory_order_relaxed) + place * sizeof(std::uint32_t));
        // Its cell, or one of the next few: in this line or the next.
        const std::uintptr_t at =
            cells_hint_.load(std::memory_order_relaxed) + place * sizeof(cell);
        fetch(at);
        fetch(at + 64);
    }

    /// Where the key's entries are, until the table is changed; or nowhere.
    [[nodiscard]] std::size_t find(std::uint64_t hash, const term& key) const {
        if (size_ == 0) return nowhere;
        const std::uint32_t tag = tag_of(hash);
        for (std::size_t i = home(tag); tags_[i] != 0; i = next(i))
            if (tags_[i] == tag && cells_[i].key == key) return i;
        return nowhere;
    }

    /// The pid of the key's oldest entry, and its value.
    [[nodiscard]] const pid& first_pid(std::size_t at) const { return cells_[at].pid; }
    [[nodiscard]] term& first_value(std::size_t at) { return cells_[at].value; }

    /// f(pid, value) for each entry of a key, the oldest first.
    template <class F>
    void each(std::size_t at, F f) const {
        const cell& c = cells_[at];
        f(c.pid, c.value);
        if (c.more == 0) return;
        for (const registry_entry& e : *more_[c.more - 1]) f(e.pid, e.value);
    }
    /// f(key, pid, value) for all.
    template <class F>
    void all(F f) const {
        for (std::size_t i = 0; i < capacity_; ++i)
            if (tags_[i] != 0)
                each(i, [&](const pid& p, const term& value) { f(cells_[i].key, p, value); });
    }

    void add(std::uint64_t hash, const term& key, const pid& p, const term& value) {
        if (std::size_t at = find(hash, key); at != nowhere) {
            more_of(cells_[at]).push_back({p, value});
            return;
        }
        if ((size_ + 1) * 8 > capacity_ * 7) grow();
        const std::uint32_t tag = tag_of(hash);
        const std::size_t at = free_place(tag);
        tags_[at] = tag;
        ::new (&cells_[at]) cell{key, value, p, 0};
        ++size_;
    }

    /// Takes the entries of a key out for which which(pid, value) holds, and gives how many.
    template <class Which>
    std::size_t erase_if(std::size_t at, Which which) {
        cell& c = cells_[at];
        std::size_t n = 0;
        if (c.more != 0)
            n = std::erase_if(*more_[c.more - 1],
                              [&](const registry_entry& e) { return which(e.pid, e.value); });
        if (which(std::as_const(c.pid), std::as_const(c.value))) {
            ++n;
            if (!take_from_more(c)) {
                erase(at);
                return n;
            }
        }
        drop_empty_more(c);
        return n;
    }

private:
    struct alignas(32) cell {
        term key, value;
        beam::pid pid;
        std::uint32_t more;  // 0: none; else its place in more_, counted from 1
    };
    static_assert(sizeof(cell) == 32);
    using entries = std::vector<registry_entry>;

    static constexpr std::uint32_t mixer = 0x9E3779B1u;

    static std::uint32_t tag_of(std::uint64_t hash) {
        return std::uint32_t(hash) == 0 ? 1 : std::uint32_t(hash);
    }
    // Tags of one shard have their lowest bits in common.
    std::size_t home(std::uint32_t tag) const { return tag * mixer >> shift_; }
    std::size_t next(std::size_t i) const { return (i + 1) & (capacity_ - 1); }

    std::size_t free_place(std::uint32_t tag) const {
        std::size_t i = home(tag);
        while (tags_[i] != 0) i = next(i);
        return i;
    }

    void erase(std::size_t hole) {
        std::destroy_at(&cells_[hole]);
        --size_;
        // Whoever was put further on because of it may be moved up.
        for (std::size_t i = next(hole); tags_[i] != 0; i = next(i)) {
            const std::size_t from_home = (i - home(tags_[i])) & (capacity_ - 1);
            if (from_home < ((i - hole) & (capacity_ - 1))) continue;
            move_cell(cells_[i], &cells_[hole]);
            tags_[hole] = tags_[i];
            hole = i;
        }
        tags_[hole] = 0;
    }

    void grow() {
        const std::size_t before = capacity_;
        auto old_tags = std::move(tags_);
        cell* old = cells_;
        capacity_ = before == 0 ? 8 : before * 2;
        shift_ = unsigned(32 - std::countr_zero(capacity_));
        tags_ = std::make_unique<std::uint32_t[]>(capacity_);
        cells_ = std::allocator<cell>().allocate(capacity_);
        for (std::size_t i = 0; i < before; ++i) {
            if (old_tags[i] == 0) continue;
            const std::size_t at = free_place(old_tags[i]);
            tags_[at] = std::exchange(old_tags[i], 0);
            move_cell(old[i], &cells_[at]);
        }
        release(old, old_tags.get(), before);
        shift_hint_.store(shift_, std::memory_order_relaxed);
        tags_hint_.store(reinterpret_cast<std::uintptr_t>(tags_.get()), std::memory_order_relaxed);
        cells_hint_.store(reinterpret_cast<std::uintptr_t>(cells_), std::memory_order_relaxed);
    }

    static void fetch(std::uintptr_t at) noexcept {
        __builtin_prefetch(reinterpret_cast<const void*>(at));
    }
    static void move_cell(cell& from, cell* to) {
        ::new (to) cell(std::move(from));
        std::destroy_at(&from);
    }
    static void release(cell* cells, const std::uint32_t* tags, std::size_t capacity) {
        for (std::size_t i = 0; i < capacity; ++i)
            if (tags[i] != 0) std::destroy_at(&cells[i]);
        if (cells) std::allocator<cell>().deallocate(cells, capacity);
    }

    // -- further entries --------------------------------------------------------------------------

    entries& more_of(cell& c) {
        if (c.more == 0) {
            if (free_more_.empty()) {
                more_.emplace_back();
                free_more_.push_back(std::uint32_t(more_.size()));
            }
            c.more = free_more_.back();
            free_more_.pop_back();
            more_[c.more - 1] = std::make_unique<entries>();
        }
        return *more_[c.more - 1];
    }
    // The oldest of them becomes the first entry. False: there is none.
    bool take_from_more(cell& c) {
        if (c.more == 0) return false;
        entries& list = *more_[c.more - 1];
        if (list.empty()) {
            drop_empty_more(c);
            return false;
        }
        c.pid = list.front().pid;
        c.value = std::move(list.front().value);
        list.erase(list.begin());
        return true;
    }
    void drop_empty_more(cell& c) {
        if (c.more == 0 || !more_[c.more - 1]->empty()) return;
        more_[c.more - 1].reset();
        free_more_.push_back(std::exchange(c.more, 0));
    }

    std::unique_ptr<std::uint32_t[]> tags_;  // 0: a free place, whose cell is no object
    cell* cells_ = nullptr;
    std::size_t capacity_ = 0;  // a power of two, or none
    std::size_t size_ = 0;
    unsigned shift_ = 31;
    // For prefetch(): copies of the above.
    std::atomic<unsigned> shift_hint_{31};
    std::atomic<std::uintptr_t> tags_hint_{0}, cells_hint_{0};
    std::vector<std::unique_ptr<entries>> more_;
    std::vector<std::uint32_t> free_more_;
};

}  // namespace beam::detail
