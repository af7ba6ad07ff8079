// The table of all processes: slots that are reused, never unmapped while the runtime lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "libbeamcore/runtime/internal/page_source.hpp"
#include "libbeamcore/runtime/internal/process_block.hpp"
#include "libbeamcore/runtime/internal/zeroed_array.hpp"

namespace beam::detail {

/// A worker's private stock of free slots.
struct slot_cache {
    static constexpr std::uint32_t batch = 64;
    std::uint32_t fresh[batch];  // to be used next, from the end
    std::uint32_t fresh_count = 0;
    std::uint32_t freed[batch];
    std::uint32_t freed_count = 0;
};

class process_table {
public:
    /// take() gives ids from `first` on.
    explicit process_table(std::uint32_t limit, std::uint32_t first = 1);
    ~process_table();

    /// Look-up takes no lock. Null for an id that was never used. The block may belong to another
    /// serial by now.
    [[nodiscard]] process_block* find(std::uint32_t id) const {
        const std::uint32_t chunk = id >> chunk_bits;
        if (chunk >= chunk_count_) return nullptr;
        process_block* c = chunks_[chunk].load(std::memory_order_acquire);
        return c ? c + (id & (chunk_size - 1)) : nullptr;
    }

    /// A block nobody uses, its serial already the new process's. Null when the limit is reached.
    [[nodiscard]] process_block* take(slot_cache& cache);
    /// The block of an id below `first` that was never used, with that serial; null for any other.
    [[nodiscard]] process_block* take_at(std::uint32_t id, std::uint32_t serial);
    void give_back(slot_cache& cache, process_block* pb);
    void flush(slot_cache& cache);

    /// One past the highest id in use so far.
    [[nodiscard]] std::uint32_t end() const { return next_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint32_t limit() const { return limit_; }

private:
    static constexpr std::uint32_t chunk_bits = 9;  // 28 pages: a small node has few processes
    static constexpr std::uint32_t chunk_size = 1u << chunk_bits;
    // First in, first out over at least this many, so that a slot is not reused at once.
    static constexpr std::size_t reuse_distance = 1024;

    bool refill(slot_cache& cache);
    void make_chunk(std::uint32_t id);

    const std::uint32_t limit_;
    const std::uint32_t chunk_count_;
    page_source pages_;
    const zeroed_array<std::atomic<process_block*>> chunks_;
    const std::uint32_t first_;
    std::atomic<std::uint32_t> next_;
    std::mutex mutex_;
    std::deque<std::uint32_t> free_;
};

}  // namespace beam::detail
