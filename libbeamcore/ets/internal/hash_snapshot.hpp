// A hash store as it was at one moment: its chunks of then, which writers replace before they change anything in them.
#pragma once

#include <utility>
#include <vector>

#include "libbeamcore/ets/internal/hash_store.hpp"

namespace beam::detail::ets {

class hash_snapshot final : public hash_rows<hash_snapshot, row_source> {
public:
    /// `chunks`, in order and pinned, are unpinned at the end.
    hash_snapshot(std::size_t keypos, std::vector<chunk*> chunks, kept_bytes kept);
    ~hash_snapshot() override;

    [[nodiscard]] std::size_t size() const override { return size_; }
    [[nodiscard]] chunk_ref chunk_at(std::uint64_t hash) const;

private:
    std::vector<chunk*> chunks_;
    std::size_t size_ = 0;
    kept_bytes kept_;
};

}  // namespace beam::detail::ets
