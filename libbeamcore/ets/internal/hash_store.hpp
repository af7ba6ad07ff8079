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
    [[nodiscard]] std::shared_ptr<const row_source> snapshot() override;
    [[nodiscard]] std::size_t size() const override;
    [[nodiscard]] std::size_t bytes() const override;

    /// Whatever is being inserted as a list has been, or nothing of it yet.
    [[nodiscard, gnu::always_inline]] chunk_ref chunk_at(std::uint64_t hash) const {
        if (batch_running_.load(std::memory_order_acquire)) [[unlikely]]
            wait_for_batch();
        return chunk_ref(entry_of(hash).load(std::memory_order_acquire));
    }

    /// Fetches lines, rows and what these refer to, for all keys at once.
    void fetch_ahead(std::span<const term> keys) const;

private:
    struct directory {
        unsigned depth = 0;  // at least 1
        [[nodiscard]] std::atomic<std::uint64_t>* entries() {
            return reinterpret_cast<std::atomic<std::uint64_t>*>(this + 1);
        }
        [[nodiscard]] std::size_t size() const { return std::size_t(1) << depth; }
        [[nodiscard]] std::size_t place(std::uint64_t hash) const { return hash >> (64 - depth); }
        static directory* make(unsigned depth);
        static void free(void* d) noexcept;
        static std::size_t bytes(unsigned depth) { return sizeof(directory) + (8u << depth); }
        std::uint64_t unused = 0;
    };

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
    [[nodiscard]] held_chunk hold(std::uint64_t hash) const;
    [[nodiscard, gnu::always_inline]] found_slot search(const held_chunk& c, std::uint64_t h,
                                                        const term& key) const {
        return layout.search(chunk_ref(c.at), h, key);
    }
    found_slot search_to_change(held_chunk& c, std::uint64_t h, const term& key);
    void add(held_chunk& c, std::uint64_t h, term row, std::vector<held_chunk>* others = nullptr);
    void put_in(held_chunk& c, std::uint64_t h, term row, std::vector<held_chunk>* others);
    void replace(held_chunk& c, const found_slot& at, term row);
    void add_to_group(held_chunk& c, const found_slot& at, term row);
    void drop(held_chunk& c, const found_slot& at, rows* taken);
    void set_group(held_chunk& c, const found_slot& at, std::span<term_node* const> left);
    std::size_t retire_row(const found_slot& at);
    void count(std::int64_t by);
    [[nodiscard]] unsigned wanted_arity(const term& row) const;
    void write_integers(held_chunk& c, const found_slot& at, std::size_t first,
                        std::span<const std::int64_t> values);
    [[nodiscard]] bool try_change(const term& key, std::uint64_t h, const found_slot& seen,
                                  term fresh);

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

}  // namespace beam::detail::ets
