#include "libbeamcore/ets/internal/hash_snapshot.hpp"

#include <algorithm>

namespace beam::detail::ets {

hash_snapshot::hash_snapshot(std::size_t keypos, std::vector<chunk*> chunks, kept_bytes kept)
    : hash_rows(keypos), chunks_(std::move(chunks)), kept_(std::move(kept)) {
    for (const chunk* c : chunks_) size_ += c->rows;
}

hash_snapshot::~hash_snapshot() {
    for (chunk* c : chunks_) {
        lock(c);
        const bool last = --c->pins == 0 && c->dead;
        const std::size_t bytes = c->bytes();
        const std::int64_t row_bytes = c->row_bytes;
        unlock(c);
        if (!last) continue;
        // Readers of the table may still be in it.
        kept_->fetch_sub(std::int64_t(bytes), std::memory_order_relaxed);
        retire(c, chunk::free_all, bytes + std::size_t(row_bytes));
    }
}

chunk_ref hash_snapshot::chunk_at(std::uint64_t hash) const {
    auto behind = std::upper_bound(chunks_.begin(), chunks_.end(), hash,
                                   [](std::uint64_t h, const chunk* c) { return h < c->prefix; });
    return chunk_ref(*(behind - 1));
}

}  // namespace beam::detail::ets
