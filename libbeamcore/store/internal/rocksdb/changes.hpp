// changes: what a commit has done to keys so far, for the requests in it that look at what went before them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/store/internal/range.hpp"

namespace beam::store::detail {

/// Of one database. A key that is in a range that was erased, and not named since, is gone.
class changes {
public:
    void put(const std::string& key, const std::string& value) { keys_[key] = value; }
    void erase(const std::string& key) { keys_[key] = std::nullopt; }
    void erase(const key_range& range) {
        const auto first = keys_.lower_bound(range.first);
        keys_.erase(first, range.last.empty() ? keys_.end() : keys_.lower_bound(range.last));
        erased_.push_back(range);
    }

    /// Nothing: the commit does not change it. An empty one inside: it erases it.
    [[nodiscard]] std::optional<std::optional<std::string>> find(const std::string& key) const {
        if (const auto it = keys_.find(key); it != keys_.end()) return it->second;
        for (const auto& range : erased_)
            if (range.holds(key)) return std::optional<std::string>();
        return std::nullopt;
    }
    /// The last key that it puts or erases; empty: none.
    [[nodiscard]] std::string last_key() const {
        return keys_.empty() ? std::string() : keys_.rbegin()->first;
    }

private:
    std::map<std::string, std::optional<std::string>> keys_;
    std::vector<key_range> erased_;
};

}  // namespace beam::store::detail
