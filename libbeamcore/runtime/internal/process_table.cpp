#include "libbeamcore/runtime/internal/process_table.hpp"

#include <algorithm>
#include <new>

namespace beam::detail {

process_table::process_table(std::uint32_t limit, std::uint32_t first)
    : limit_(limit),
      chunk_count_(std::uint32_t((std::uint64_t(limit) + chunk_size) >> chunk_bits)),
      chunks_(make_zeroed<std::atomic<process_block*>>(chunk_count_)),
      first_(std::clamp<std::uint32_t>(first, 1, std::max<std::uint32_t>(limit, 1))),
      next_(first_) {}

process_table::~process_table() {
    for (std::uint32_t c = 0; c < chunk_count_ && c <= end() >> chunk_bits; ++c)
        if (process_block* blocks = chunks_[c].load())
            for (std::uint32_t i = 0; i < chunk_size; ++i) blocks[i].~process_block();
}

process_block* process_table::take(slot_cache& cache) {
    if (cache.fresh_count == 0 && !refill(cache)) return nullptr;
    process_block* pb = find(cache.fresh[--cache.fresh_count]);
    return pb;
}

void process_table::give_back(slot_cache& cache, process_block* pb) {
    if (cache.freed_count == slot_cache::batch) {
        std::lock_guard lock(mutex_);
        free_.insert(free_.end(), cache.freed, cache.freed + cache.freed_count);
        cache.freed_count = 0;
    }
    cache.freed[cache.freed_count++] = pb->id;
}

void process_table::flush(slot_cache& cache) {
    std::lock_guard lock(mutex_);
    free_.insert(free_.end(), cache.freed, cache.freed + cache.freed_count);
    free_.insert(free_.end(), cache.fresh, cache.fresh + cache.fresh_count);
    cache.freed_count = cache.fresh_count = 0;
}

process_block* process_table::take_at(std::uint32_t id, std::uint32_t serial) {
    std::lock_guard lock(mutex_);
    if (id == 0 || id >= first_) return nullptr;
    make_chunk(id);
    process_block* pb = find(id);
    if (pb->id != 0) return nullptr;
    pb->id = id;
    pb->serial.store(serial, std::memory_order_release);
    return pb;
}

void process_table::make_chunk(std::uint32_t id) {
    auto& chunk = chunks_[id >> chunk_bits];
    if (chunk.load(std::memory_order_relaxed)) return;
    auto* blocks = static_cast<process_block*>(pages_.take(sizeof(process_block) * chunk_size));
    for (std::uint32_t b = 0; b < chunk_size; ++b) ::new (blocks + b) process_block();
    chunk.store(blocks, std::memory_order_release);
}

bool process_table::refill(slot_cache& cache) {
    std::lock_guard lock(mutex_);
    const std::uint32_t next = next_.load(std::memory_order_relaxed);
    if (free_.size() >= reuse_distance || next + slot_cache::batch > limit_) {
        while (cache.fresh_count < slot_cache::batch && !free_.empty()) {
            cache.fresh[cache.fresh_count++] = free_.front();
            free_.pop_front();
        }
        if (cache.fresh_count == 0 && cache.freed_count > 0) {  // nearly full: our own will do
            while (cache.freed_count > 0)
                cache.fresh[cache.fresh_count++] = cache.freed[--cache.freed_count];
        }
        return cache.fresh_count > 0;
    }
    for (std::uint32_t i = slot_cache::batch; i-- > 0;) {
        const std::uint32_t id = next + i;
        make_chunk(id);
        process_block* pb = find(id);
        pb->id = id;
        cache.fresh[cache.fresh_count++] = id;
    }
    next_.store(next + slot_cache::batch, std::memory_order_release);
    return true;
}

}  // namespace beam::detail
