// All entries of an origin on their way in parts: at the origin, and where they are put together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "libbeamcore/pubsub/tracker_messages.hpp"

namespace beam::tracker {

/// What an origin had at one version, cut into chunks. Made once and sent to all who ask about then.
struct snapshot {
    std::uint64_t at = 0;
    std::vector<entry> entries;
    std::vector<std::size_t> ends{};  ///< of each chunk; at least one

    void cut(std::size_t bytes_max) {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            const std::size_t more = encoded_bytes(entries[i]);
            if (bytes > 0 && bytes + more > bytes_max) {
                ends.push_back(i);
                bytes = 0;
            }
            bytes += more;
        }
        ends.push_back(entries.size());
    }

    [[nodiscard]] full chunk(atom node, std::uint64_t incarnation, std::size_t index) const {
        const std::size_t begin = index == 0 ? 0 : ends[index - 1];
        full f{node, incarnation, at, std::uint32_t(index), std::uint32_t(ends.size()), {}};
        f.entries.assign(entries.begin() + std::ptrdiff_t(begin),
                         entries.begin() + std::ptrdiff_t(ends[index]));
        return f;
    }
};

/// The chunks of one snapshot as they come, in any order and more than once. Chunks of an older snapshot
/// are dropped, a newer one begins anew. An index is below its count.
class assembly {
public:
    /// True when the last missing one is in.
    bool take(full chunk) {
        if (parts_.empty() || chunk.at > at_) {
            at_ = chunk.at;
            missing_ = chunk.count;
            parts_.clear();
            parts_.resize(chunk.count);
        }
        if (chunk.at != at_ || chunk.count != parts_.size()) return false;
        auto& part = parts_[chunk.index];
        if (part.here) return false;
        part = {std::move(chunk.entries), true};
        return --missing_ == 0;
    }

    [[nodiscard]] std::uint64_t at() const { return at_; }

    template <class F>
    void each(F f) {
        for (auto& part : parts_)
            for (auto& e : part.entries) f(e);
    }

private:
    struct part {
        std::vector<entry> entries;
        bool here = false;
    };
    std::uint64_t at_ = 0;
    std::size_t missing_ = 0;
    std::vector<part> parts_;
};

}  // namespace beam::tracker
