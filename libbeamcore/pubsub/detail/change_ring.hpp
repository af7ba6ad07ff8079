// change_ring: the last changes of a node's own entries, for those who missed some.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "libbeamcore/pubsub/tracker_messages.hpp"

namespace beam::tracker {

/// Versions are consecutive, so a change is found by its version.
class change_ring {
public:
    explicit change_ring(std::size_t kept) : kept_(kept) {}

    /// The change of the next version.
    void add(change c) {
        bytes_ = encoded_bytes_of(c);
        changes_.push_back({std::move(c), bytes_});
        if (changes_.size() <= kept_) return;
        changes_.pop_front();
        ++floor_;
    }

    /// Whether all changes after that version are here.
    [[nodiscard]] bool reaches(std::uint64_t version) const { return version >= floor_; }

    /// The bytes of the newest change.
    [[nodiscard]] std::size_t newest_bytes() const { return bytes_; }

    /// Copies changes after `from` and up to `to`, the first and then as many as stay within `bytes_max`;
    /// gives the last one's version.
    std::uint64_t copy(std::uint64_t from, std::uint64_t to, std::size_t bytes_max,
                       std::vector<change>& copied) const {
        std::size_t bytes = 0;
        std::uint64_t last = from;
        while (last < to) {
            const auto& next = changes_[last - floor_];
            bytes += next.bytes;
            if (last > from && bytes > bytes_max) break;
            copied.push_back(next.what);
            ++last;
        }
        return last;
    }

private:
    struct kept {
        change what;
        std::size_t bytes;
    };

    static std::size_t encoded_bytes_of(const change& c) {
        constexpr std::size_t fields = 60;
        return fields + (c.added ? encoded_bytes(*c.added) : 0);
    }

    std::size_t kept_;
    std::uint64_t floor_ = 0;  // the version before the first change that is kept
    std::size_t bytes_ = 0;
    std::deque<kept> changes_;
};

}  // namespace beam::tracker
