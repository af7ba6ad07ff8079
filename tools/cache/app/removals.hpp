// removals: what was removed lately, and why. A ring: the oldest is forgotten for the newest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tools/cache/app/row.hpp"

namespace cache {

enum class removal_reason : std::uint8_t {
    deleted,  ///< somebody asked for it: del, flush
    expired,  ///< its time had come
    evicted,  ///< there was no room
};

[[nodiscard]] constexpr std::string_view name_of(removal_reason r) {
    return r == removal_reason::deleted   ? "deleted"
           : r == removal_reason::expired ? "expired"
                                          : "evicted";
}

struct removal {
    key_hash key = 0;
    removal_reason reason = removal_reason::deleted;
    std::int64_t at_ms = 0;
    std::int64_t put_at_ms = 0;
    std::uint64_t bytes = 0;  ///< of the value
};

class removals {
public:
    explicit removals(std::size_t kept) : kept_(kept) {}

    void add(removal r);
    /// The last removal of that key, if it is still known.
    [[nodiscard]] std::optional<removal> last_of(key_hash key) const;
    [[nodiscard]] std::size_t kept() const { return kept_; }

private:
    std::size_t kept_;
    std::vector<removal> ring_;
    std::uint64_t added_ = 0;
    std::unordered_map<key_hash, std::uint64_t> number_of_;  // of each key's last removal
};

}  // namespace cache
