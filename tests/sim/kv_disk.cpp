#include "kv_disk.hpp"

#include "tools/kv/shard/invariant.hpp"

using namespace kv;

namespace test {

namespace {

struct maker {
    kv_image& on;

    void operator()(const cut_log& c) {
        hold(c.first > on.applied_seq, "a disk that undoes state");
        while (!on.entries.empty() && on.entries.back().at.seq >= c.first) on.entries.pop_back();
    }
    void operator()(const append_log& c) {
        hold(c.what.at.seq == on.last_seq() + 1, "a hole on disk");
        on.entries.push_back(c.what);
        if (c.what.id.client != 0 && c.what.at.epoch == on.acted.epoch)
            on.written = {on.acted.primary, c.what.at.epoch};
    }
    void operator()(const drop_log& c) {
        hold(c.last.seq <= on.saved.seq, "a disk that forgets what a start needs");
        on.entries.erase(on.entries.begin(),
                         on.entries.begin() + std::ptrdiff_t(c.last.seq - on.base.seq));
        on.base = c.last;
    }
    void operator()(const apply_entry& c) {
        hold(c.what.at.seq == on.applied_seq + 1, "a state with a hole");
        on.applied_seq = c.what.at.seq;
        on.requests.apply(c.what);
        for (const change& one : c.what.changes) {
            if (one.bytes)
                on.data[one.key] = {*one.bytes, c.what.at.seq, one.expires_ms};
            else
                on.data.erase(one.key);
        }
    }
    void operator()(const save_record& c) { on.acted = c.what; }
    void operator()(const stage_items& c) {
        if (c.is_first) on.staged.clear();
        on.staging = c.transfer;
        for (const auto& [key, v] : c.items) on.staged[key] = v;
    }
    void operator()(const install_staged& c) {
        hold(on.staging == c.transfer, "what is installed was not staged");
        on.data = std::exchange(on.staged, {});
        on.base = c.at;
        on.entries.clear();
        on.applied_seq = c.at.seq;
    }
    void operator()(const erase_copy&) {
        on.data.clear();
        on.staged.clear();
        on.base = {};
        on.entries.clear();
        on.applied_seq = 0;
    }
    void operator()(const checkpoint& c) {
        hold(c.seq == on.applied_seq, "a checkpoint of something else");
        on.requests = c.requests;
        on.saved = c;
    }
};

}  // namespace

void kv_image::make(const storage_change& c) {
    std::visit(maker{*this}, c);
}

stored_shard kv_image::stored() const {
    return {
        base,        saved, {entries.begin() + std::ptrdiff_t(saved.seq - base.seq), entries.end()},
        applied_seq, acted, !staged.empty()};
}

scan_page scan(const std::map<std::string, value>& data, const scan_range& range,
               std::int64_t wall_ms) {
    scan_page page;
    std::size_t bytes = 0;
    auto it = data.lower_bound(range.prefix);
    if (range.after && *range.after >= range.prefix) it = data.upper_bound(*range.after);
    for (; it != data.end() && it->first.starts_with(range.prefix); ++it) {
        const auto& [key, v] = *it;
        const bool is_expired = v.expires_ms != 0 && v.expires_ms <= wall_ms;
        if (page.count >= range.items_max || page.expired.size() >= look_up::expired_max)
            return page;
        if (is_expired) {
            page.expired.push_back({key, v.version});
        } else {
            value told = v;
            if (range.what != scan_range::kind::items) told.bytes.clear();
            bytes += key.size() + told.bytes.size();
            if (range.what != scan_range::kind::count) {
                if (bytes > range.bytes_max && !page.items.empty()) return page;
                page.items.emplace_back(key, std::move(told));
            }
            ++page.count;
        }
        page.last = key;
    }
    page.is_end = true;
    return page;
}

std::optional<value> kv_disk::get(const std::string& key) const {
    const auto found = seen_.data.find(key);
    if (found == seen_.data.end()) return std::nullopt;
    return found->second;
}

bool kv_disk::write(std::uint64_t ticket, std::vector<storage_change> batch) {
    for (const auto& c : batch) seen_.make(c);
    auto now = without_kept_back(std::move(batch));
    if (now.empty()) return false;
    batches_.emplace_back(ticket, std::move(now));
    return true;
}

std::vector<storage_change> kv_disk::without_kept_back(std::vector<storage_change> batch) {
    std::vector<storage_change> now, applied = kept_back_;
    bool is_entries = true;
    for (const storage_change& c : batch) {
        if (std::holds_alternative<apply_entry>(c))
            applied.push_back(c);
        else
            now.push_back(c);
        is_entries &=
            std::holds_alternative<apply_entry>(c) || std::holds_alternative<append_log>(c);
    }
    if (is_entries && applied.size() <= kept_back_max_) {
        kept_back_ = std::move(applied);
        return now;
    }
    std::vector<storage_change> all = std::exchange(kept_back_, {});
    all.insert(all.end(), batch.begin(), batch.end());
    return all;
}

void kv_disk::sync() {
    for (const auto& c : batches_.front().second) durable_.make(c);
    if (syncs_late_) late_.push_back(std::move(batches_.front().second));
    if (late_.size() > late_max) {
        for (const auto& c : late_.front()) settled_.make(c);
        late_.pop_front();
    }
    batches_.pop_front();
}

void kv_disk::lose_late(std::size_t kept) {
    batches_.clear();
    for (; kept > 0 && !late_.empty(); --kept, late_.pop_front())
        for (const auto& c : late_.front()) settled_.make(c);
    late_.clear();
    kept_back_.clear();
    seen_ = durable_ = settled_;
}

void kv_disk::lose(std::size_t kept) {
    for (; kept > 0 && !batches_.empty(); --kept) sync();
    batches_.clear();
    kept_back_.clear();
    seen_ = durable_;
}

}  // namespace test
