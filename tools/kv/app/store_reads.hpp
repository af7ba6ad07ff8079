// What reads of a shard's disk have in common: a store that cannot be read, and the order of long keys.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/store.hpp"
#include "tools/kv/app/spoilt_disk.hpp"

namespace kv {

/// What was read. Throws spoilt_disk.
template <class T>
T value_of(beam::result<T> r) {
    if (!r) throw spoilt_disk(r.error().code + ": " + r.error().detail);
    return *std::move(r);
}

/// So many bytes are read at once.
inline constexpr std::size_t page_bytes = std::size_t{1} << 20;

/// Behind these an engine may have another order of its keys (store.hpp).
inline constexpr std::size_t ordered_bytes = 495;

/// The items of a scan in the order of their keys' bytes: those that are alike in their first bytes are gathered, and sorted. So who stops anywhere may go on behind that key.
class in_order {
public:
    using stored_item = std::pair<std::string, std::string>;

    in_order(const beam::store::database& db, beam::store::scan_options options)
        : db_(db), options_(std::move(options)) {}

    /// Nothing: that was all.
    std::optional<stored_item> next() {
        if (alike_.empty()) {
            stored_item* first = peek();
            if (!first) return std::nullopt;
            ++at_;
            if (first->first.size() < ordered_bytes) return std::move(*first);
            gather(std::move(*first));
        }
        stored_item item = std::move(alike_.back());
        alike_.pop_back();
        return item;
    }

private:
    stored_item* peek() {
        while (at_ == page_.size()) {
            if (is_end_) return nullptr;
            auto page = value_of(beam::store::scan(db_, options_));
            page_ = std::move(page.items);
            at_ = 0;
            is_end_ = page.next.empty();
            options_.after = std::move(page.next);
        }
        return &page_[at_];
    }
    void gather(stored_item first) {
        const std::string begin = first.first.substr(0, ordered_bytes);
        alike_.push_back(std::move(first));
        for (stored_item* s = peek(); s && s->first.starts_with(begin); s = peek()) {
            alike_.push_back(std::move(*s));
            ++at_;
        }
        const auto is_later = [](const stored_item& a, const stored_item& b) {
            return a.first > b.first;
        };
        std::sort(alike_.begin(), alike_.end(), is_later);
    }

    beam::store::database db_;
    beam::store::scan_options options_;
    std::vector<stored_item> page_;
    std::size_t at_ = 0;
    bool is_end_ = false;
    std::vector<stored_item> alike_;  // the next one last
};

}  // namespace kv
