#include "tools/chatctl/app/reader.hpp"

#include <algorithm>
#include <utility>

#include "libbeamcore/base/hash.hpp"
#include "tools/chatctl/app/limits.hpp"

namespace chat {

void reader::resume(marks read, place from) {
    read_ = std::move(read);
    from_ = std::move(from);
}

bool reader::take(const post& p) {
    from_.after = p.id;
    mark(read_, p);
    const bool skipped = std::binary_search(from_.skip.begin(), from_.skip.end(), p.id);
    return !skipped && is_new(p);
}

bool reader::is_new(const post& p) {
    if (p.key.empty()) return true;
    const std::uint64_t key = beam::xxh3_64(p.key);
    if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) return false;
    if (keys_.size() < kept_max) {
        keys_.push_back(key);
        return true;
    }
    keys_[oldest_] = key;
    oldest_ = (oldest_ + 1) % kept_max;
    return true;
}

}  // namespace chat
