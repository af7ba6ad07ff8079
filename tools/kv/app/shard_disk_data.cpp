#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "tools/kv/app/encoding.hpp"
#include "tools/kv/app/shard_disk.hpp"
#include "tools/kv/app/store_reads.hpp"

namespace kv {

namespace {

/// A page that is being filled.
class page_filler {
public:
    page_filler(const scan_range& range, std::int64_t wall_ms) : range_(range), wall_ms_(wall_ms) {}

    /// False: there is no room for it, and the page ends before it.
    bool add(std::string key, value v) {
        if (page_.count >= range_.items_max || page_.expired.size() >= look_up::expired_max)
            return false;
        if (v.expires_ms != 0 && v.expires_ms <= wall_ms_) {
            page_.expired.push_back({key, v.version});
        } else {
            const bool with_bytes = range_.what == scan_range::kind::items;
            bytes_ += key.size() + (with_bytes ? v.bytes.size() : 0);
            if (range_.what != scan_range::kind::count) {
                if (bytes_ > range_.bytes_max && !page_.items.empty()) return false;
                if (!with_bytes) v.bytes = {};
                page_.last = key;
                page_.items.emplace_back(std::move(key), std::move(v));
                ++page_.count;
                return true;
            }
            ++page_.count;
        }
        page_.last = std::move(key);
        return true;
    }
    [[nodiscard]] scan_page take(bool is_end) {
        page_.is_end = is_end;
        return std::move(page_);
    }

private:
    const scan_range& range_;
    std::int64_t wall_ms_;
    scan_page page_;
    std::size_t bytes_ = 0;
};

}  // namespace

std::optional<value> shard_disk::get(const std::string& key) const {
    if (const auto newer = uncommitted_.find(key); newer != uncommitted_.end())
        return newer->second.is;
    auto stored = value_of(beam::store::get(data_, data_key(key)));
    if (!stored) return std::nullopt;
    return read_value(*std::move(stored));
}

value shard_disk::read_value(std::string stored) const {
    try {
        return value_within(std::move(stored));
    } catch (const malformed_bytes& e) {
        throw spoilt_disk(file() + ", a value: " + e.what());
    }
}

shard_disk::items shard_disk::items_after(const std::optional<std::string>& key,
                                          std::size_t bytes_max) const {
    beam::store::scan_options page_of;
    page_of.prefix = data_prefix(state_.generation);
    page_of.bytes_max = bytes_max;
    page_of.limit = 10'000;
    if (key) page_of.first = data_key(*key).append(1, '\0');
    items found;
    found.is_last = true;
    std::size_t size = 0;
    in_order all(data_, page_of);
    while (auto item = all.next()) {
        size += item->first.size() + item->second.size();
        if (size > bytes_max && !found.some.empty()) {
            found.is_last = false;
            break;
        }
        std::string own_key = std::move(item->first);
        own_key.erase(0, page_of.prefix.size());
        const auto newer = uncommitted_.find(own_key);
        if (newer == uncommitted_.end())
            found.some.emplace_back(std::move(own_key), read_value(std::move(item->second)));
        else if (newer->second.is)
            found.some.emplace_back(std::move(own_key), *newer->second.is);
    }
    add_new(found, key);
    return found;
}

/// What the store does not have at all, of the keys that this piece ends with. The last item stays the last: the next piece
/// begins after it.
void shard_disk::add_new(items& found, const std::optional<std::string>& after) const {
    std::set<std::string_view> there;
    for (const auto& [key, v] : found.some) there.insert(key);
    std::vector<std::pair<std::string, value>> added;
    auto it = after ? uncommitted_.upper_bound(*after) : uncommitted_.begin();
    for (; it != uncommitted_.end() && (found.is_last || it->first < found.some.back().first); ++it)
        if (it->second.is && !there.contains(it->first))
            added.emplace_back(it->first, *it->second.is);
    found.some.insert(found.some.begin(), std::make_move_iterator(added.begin()),
                      std::make_move_iterator(added.end()));
}

scan_page shard_disk::scan(const scan_range& range, std::int64_t wall_ms) const {
    page_filler page(range, wall_ms);
    beam::store::scan_options page_of;
    page_of.prefix = data_prefix(state_.generation).append(range.prefix);
    page_of.limit = 10'000;
    page_of.bytes_max = page_bytes;
    if (range.what == scan_range::kind::items) {
        // No more than is asked for, but for what their keys' prefixes and the values' headers take.
        page_of.limit = std::min(range.items_max, page_of.limit);
        page_of.bytes_max = std::min(range.bytes_max, page_of.bytes_max);
    }
    const bool goes_on = range.after && *range.after >= range.prefix;
    if (goes_on) page_of.first = data_key(*range.after).append(1, '\0');
    auto newer =
        goes_on ? uncommitted_.upper_bound(*range.after) : uncommitted_.lower_bound(range.prefix);
    const auto is_there = [&] {
        return newer != uncommitted_.end() && newer->first.starts_with(range.prefix);
    };
    const std::size_t own_size = data_prefix(state_.generation).size();
    in_order all(data_, std::move(page_of));
    while (auto item = all.next()) {
        std::string key = std::move(item->first);
        key.erase(0, own_size);
        for (; is_there() && newer->first < key; ++newer)
            if (newer->second.is && !page.add(newer->first, *newer->second.is))
                return page.take(false);
        const bool is_newer = is_there() && newer->first == key;
        if (!is_newer) {
            if (!page.add(std::move(key), read_value(std::move(item->second))))
                return page.take(false);
            continue;
        }
        if (newer->second.is && !page.add(std::move(key), *newer->second.is))
            return page.take(false);
        ++newer;
    }
    for (; is_there(); ++newer)
        if (newer->second.is && !page.add(newer->first, *newer->second.is)) return page.take(false);
    return page.take(true);
}

shard_disk::due_keys shard_disk::due(std::int64_t wall_ms, std::size_t max) const {
    due_keys all;
    beam::store::scan_options page_of;
    page_of.prefix = data_prefix(state_.generation);
    page_of.last = due_key(state_.generation, wall_ms + 1, {});
    page_of.limit = max;
    const auto page = value_of(beam::store::scan(due_, page_of));
    const std::size_t time_at = page_of.prefix.size();
    for (const auto& [stored, nothing] : page.items) {
        byte_reader r(std::string_view(stored).substr(time_at));
        const auto expires_ms = std::int64_t(r.fixed64());
        const std::string key(r.rest());
        ++all.looked_at;
        const auto is = get(key);
        if (is && is->expires_ms == expires_ms)
            all.expired.push_back({key, is->version});
        else
            all.gone.in("due").erase(stored);
    }
    add_kept_back(all, wall_ms, max);
    return all;
}

/// What the index does not have yet.
void shard_disk::add_kept_back(due_keys& all, std::int64_t wall_ms, std::size_t max) const {
    if (kept_back_expires_ms_ > wall_ms) return;
    std::set<std::string> there;
    for (const expired_key& e : all.expired) there.insert(e.key);
    for (const std::string& key : kept_back_) {
        if (all.expired.size() >= max) return;
        const auto& is = uncommitted_.at(key).is;
        if (is && is->expires_ms != 0 && is->expires_ms <= wall_ms && !there.contains(key))
            all.expired.push_back({key, is->version});
    }
}

}  // namespace kv
