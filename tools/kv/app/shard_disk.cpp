#include "tools/kv/app/shard_disk.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "tools/kv/app/encoding.hpp"

namespace kv {

namespace {

constexpr std::size_t page_bytes = std::size_t{1} << 20;
/// How far back a log is read for a client's request, and how many entries at once.
constexpr std::size_t asked_max = 256, asked_page = 4;
/// Behind these an engine may have another order of its keys (store.hpp).
constexpr std::size_t ordered_bytes = 495;

template <class T>
T value_of(beam::result<T> r) {
    if (!r) throw spoilt_disk(r.error().code + ": " + r.error().detail);
    return *std::move(r);
}

using stored_item = std::pair<std::string, std::string>;

/// The items of a scan in the order of their keys' bytes: those that are alike in their first bytes are gathered, and sorted. So who stops anywhere may go on behind that key.
class in_order {
public:
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

}  // namespace

shard_disk::shard_disk(const beam::server_ref& store, std::uint32_t shard)
    : meta_(store, "meta"),
      log_(store, "log"),
      data_(store, "data"),
      due_(store, "due"),
      shard_(shard) {}

std::string shard_disk::own(std::string_view name) const {
    byte_writer w;
    w.fixed16(std::uint16_t(shard_));
    w.raw(name);
    return w.take();
}

std::string shard_disk::log_key(std::uint64_t seq) const {
    byte_writer w;
    w.fixed16(std::uint16_t(shard_));
    w.fixed64(seq);
    return w.take();
}

std::string shard_disk::data_prefix(std::uint32_t generation) const {
    byte_writer w;
    w.fixed16(std::uint16_t(shard_));
    w.fixed32(generation);
    return w.take();
}

std::string shard_disk::data_key(std::string_view key) const {
    return data_prefix(state_.generation).append(key);
}

std::string shard_disk::due_key(std::uint32_t generation, std::int64_t expires_ms,
                                std::string_view key) const {
    byte_writer w;
    w.raw(data_prefix(generation));
    w.fixed64(std::uint64_t(expires_ms));
    w.raw(key);
    return w.take();
}

std::string shard_disk::file() const {
    return "shard " + std::to_string(shard_) + " of the store of kv";
}

stored_shard shard_disk::load() {
    const auto on_disk = state_on_disk();
    has_state_ = on_disk.has_value();
    state_ = saved_ = on_disk.value_or(state());
    stored_shard s;
    s.base = state_.base;
    s.applied_seq = state_.applied_seq;
    s.acted = state_.acted;
    s.has_staged = has_any(data_, data_prefix(state_.generation + 1));
    try {
        if (const auto saved = value_of(beam::store::get(meta_, own("checkpoint"))))
            s.saved = from_bytes<checkpoint>(unsealed(*saved));
    } catch (const malformed_bytes& e) {
        throw spoilt_disk(file() + ": " + e.what());
    }
    constexpr auto all = std::numeric_limits<std::size_t>::max();
    s.entries = entries_from(s.saved.seq + 1, all, all);
    return s;
}

log_point shard_disk::last_on_disk() const {
    if (const auto last = last_entry()) return last->what.at;
    return state_on_disk().value_or(state()).base;
}

std::optional<shard_disk::stored_entry> shard_disk::last_entry() const {
    beam::store::scan_options last_of;
    last_of.prefix = own("");
    last_of.reverse = true;
    last_of.limit = 1;
    const auto page = value_of(beam::store::scan(log_, last_of));
    if (page.items.empty()) return std::nullopt;
    return read_entry(page.items.front().second);
}

std::uint64_t shard_disk::asked_in_on_disk() const {
    beam::store::scan_options last_of;
    last_of.prefix = own("");
    last_of.reverse = true;
    last_of.limit = asked_page;
    std::uint64_t epoch = 0;
    for (std::size_t n = 0; n < asked_max; n += asked_page) {
        const auto page = value_of(beam::store::scan(log_, last_of));
        for (const auto& [key, stored] : page.items) {
            const entry e = read_entry(stored).what;
            if (e.id.client != 0) return e.at.epoch;
            epoch = e.at.epoch;
        }
        if (page.next.empty()) return state_on_disk().value_or(state()).base.epoch;
        last_of.after = page.next;
    }
    return epoch;
}

shard_record shard_disk::record_on_disk() const {
    return state_on_disk().value_or(state()).acted;
}

past_lead shard_disk::written_on_disk() const {
    return state_on_disk().value_or(state()).written;
}

bool shard_disk::has_any(const beam::store::database& db, std::string prefix) const {
    beam::store::scan_options one_of;
    one_of.prefix = std::move(prefix);
    one_of.keys_only = true;
    one_of.limit = 1;
    return !value_of(beam::store::scan(db, one_of)).items.empty();
}

bool shard_disk::is_anything_on_disk() const {
    const std::string all = own("");
    return state_on_disk().value_or(state()).base.seq > 0 || has_any(log_, all) ||
           has_any(data_, all) || has_any(due_, all);
}

bool shard_disk::is_erased_on_disk() const {
    // What is installed begins after a point, what was never written is of the first generation.
    return state_on_disk().value_or(state()).generation > 0 && last_on_disk().seq == 0;
}

std::vector<std::uint32_t> shard_disk::shards_on_disk(const beam::server_ref& store) {
    constexpr std::string_view name = "state";
    std::vector<std::uint32_t> all;
    beam::store::scan_options keys_of;
    keys_of.keys_only = true;
    do {
        const auto page =
            value_of(beam::store::scan(beam::store::database(store, "meta"), keys_of));
        for (const auto& [key, nothing] : page.items)
            if (key.size() == 2 + name.size() && key.ends_with(name))
                all.push_back(byte_reader(key).fixed16());
        keys_of.after = page.next;
    } while (!keys_of.after.empty());
    return all;
}

namespace {

void write(byte_writer& w, const past_lead& p) {
    kv::write(w, p.store);
    w.number(p.epoch);
}
past_lead read_lead(byte_reader& r) {
    past_lead p;
    read(r, p.store);
    p.epoch = r.number();
    return p;
}
/// Who led before: by that another history is told from this one.
void write_past(byte_writer& w, const shard_record& r) {
    w.number(r.past_from);
    w.number(r.past.size());
    for (const past_lead& p : r.past) write(w, p);
}
void read_past(byte_reader& r, shard_record& to) {
    to.past_from = r.number();
    for (std::size_t n = r.count(); n > 0; --n) to.past.push_back(read_lead(r));
}

}  // namespace

std::optional<shard_disk::state> shard_disk::state_on_disk() const {
    const auto saved = value_of(beam::store::get(meta_, own("state")));
    if (!saved) return std::nullopt;
    state s;
    try {
        byte_reader r(unsealed(*saved));
        read(r, s.base);
        s.applied_seq = r.number();
        read(r, s.acted);
        s.generation = r.fixed32();
        s.number = r.is_at_end() ? 0 : r.number();
        if (!r.is_at_end()) {
            read_past(r, s.acted);
            s.written = read_lead(r);
        } else if (s.acted.epoch > 0) {  // of an earlier version: it may have written
            s.written = {s.acted.primary, s.acted.epoch};
        }
    } catch (const malformed_bytes& e) {
        throw spoilt_disk(file() + ": " + e.what());
    }
    const auto last = last_entry();
    if (last && last->with.number > s.number) {
        s.number = last->with.number;
        s.applied_seq = last->with.applied_seq;
    }
    return s;
}

std::vector<entry> shard_disk::entries_from(std::uint64_t first, std::size_t count,
                                            std::size_t bytes) const {
    std::vector<entry> some;
    beam::store::scan_options page_of;
    page_of.prefix = own("");
    page_of.first = log_key(first);
    page_of.bytes_max = std::min(bytes, page_bytes);
    page_of.limit = std::min<std::size_t>(count, 10'000);
    std::size_t size = 0;
    do {
        const auto page = value_of(beam::store::scan(log_, page_of));
        for (const auto& [key, stored] : page.items) {
            entry e = read_entry(stored).what;
            // A log with a hole: what was dropped meanwhile.
            if (e.at.seq != first + some.size()) return some;
            size += size_of(e);
            if (some.size() == count || (size > bytes && !some.empty())) return some;
            some.push_back(std::move(e));
        }
        page_of.after = page.next;
    } while (!page_of.after.empty());
    return some;
}

shard_disk::stored_entry shard_disk::read_entry(std::string_view bytes) const {
    try {
        stored_entry e;
        byte_reader r(unsealed(bytes));
        read(r, e.what);
        if (!r.is_at_end()) {
            e.with.number = r.number();
            e.with.applied_seq = r.number();
        }
        r.expect_end();
        return e;
    } catch (const malformed_bytes& e) {
        throw spoilt_disk(file() + ", an entry of the log: " + e.what());
    }
}

std::optional<value> shard_disk::get(const std::string& key) const {
    if (const auto newer = uncommitted_.find(key); newer != uncommitted_.end())
        return newer->second.is;
    auto stored = value_of(beam::store::get(data_, data_key(key)));
    if (!stored) return std::nullopt;
    return read_value(*std::move(stored));
}

void shard_disk::put_item(beam::store::batch& b, std::uint32_t generation, const std::string& key,
                          const value& v) const {
    b.in("data").put_moved(data_prefix(generation).append(key), sealed_bytes_of(v));
    if (v.expires_ms != 0) b.in("due").put(due_key(generation, v.expires_ms, key), {});
}

void shard_disk::apply(beam::store::batch& b, std::uint64_t ticket, const entry& e) {
    for (const change& c : e.changes) {
        newer& n = uncommitted_[c.key];
        n.ticket = ticket;
        n.is.reset();
        by_ticket_.emplace_back(ticket, c.key);
        if (c.bytes) {
            n.is = value{*c.bytes, e.at.seq, c.expires_ms};
            put_item(b, state_.generation, c.key, *n.is);
        } else {
            b.in("data").erase(data_key(c.key));
        }
    }
}

/// Written at once with all that was changed before, so it may say what is applied.
void shard_disk::append(beam::store::batch& b, const entry& e) {
    sealing_writer w;
    w.expect(length_of(e));
    write(w, e);
    w.number(++saved_.number);
    w.number(state_.applied_seq);
    b.in("log").put_moved(log_key(e.at.seq), w.take_sealed());
    saved_.applied_seq = state_.applied_seq;
    state_.number = saved_.number;
    is_state_lost_ = false;
}

/// A primary saves its record before it takes a request of a client, and no other store writes in that epoch.
void shard_disk::note_written(const entry& e) {
    if (e.id.client != 0 && e.at.epoch == state_.acted.epoch)
        state_.written = {state_.acted.primary, e.at.epoch};
}

void shard_disk::cut(beam::store::batch& b, std::uint64_t first) {
    b.in("log").erase_range(log_key(first), log_key(std::numeric_limits<std::uint64_t>::max()));
}

void shard_disk::complete(beam::store::batch& b) {
    if (has_state_ && !is_state_lost_ && state_ == saved_) return;
    state_.number = saved_.number + 1;
    byte_writer w;
    write(w, state_.base);
    w.number(state_.applied_seq);
    write(w, state_.acted);
    w.fixed32(state_.generation);
    w.number(state_.number);
    write_past(w, state_.acted);
    write(w, state_.written);
    b.in("meta").put(own("state"), sealed(w.bytes()));
    saved_ = state_;
    has_state_ = true;
    is_state_lost_ = false;
}

/// The data and the log of those before are over.
void shard_disk::begin_generation(beam::store::batch& b, std::uint64_t ticket,
                                  std::uint32_t generation) {
    b.in("log").erase_prefix(own(""));
    state_.generation = generation;
    begun_by_ = ticket;
    may_have_leftovers_ = true;
    uncommitted_.clear();
    by_ticket_.clear();
}

std::optional<beam::store::batch> shard_disk::next_leftovers() {
    // Before that is written more may come to those before.
    if (!may_have_leftovers_ || begun_by_ > committed_) return std::nullopt;
    beam::store::batch b;
    const bool is_more = add_leftovers(b, data_, "data"),
               is_more_due = add_leftovers(b, due_, "due");
    may_have_leftovers_ = is_more || is_more_due;
    if (b.size() == 0) return std::nullopt;
    return b;
}

/// By ranges: to RocksDB these are one mark each, however much is in them. True: there may be more.
bool shard_disk::add_leftovers(beam::store::batch& b, const beam::store::database& db,
                               std::string_view name) const {
    beam::store::scan_options some_of;
    some_of.first = own("");
    some_of.last = data_prefix(state_.generation);
    some_of.keys_only = true;
    some_of.limit = step_keys;
    const auto page = value_of(beam::store::scan(db, some_of));
    if (page.items.empty()) return false;
    b.in(std::string(name));
    if (page.next.empty()) {
        b.erase_range(some_of.first, some_of.last);
        return false;
    }
    // Beyond so many bytes an engine may have another order: all that are alike up to there go together.
    const std::string& last = page.items.back().first;
    if (last.size() < ordered_bytes) {
        b.erase_range(some_of.first, last + '\0');
    } else {
        const std::string begin = last.substr(0, ordered_bytes);
        b.erase_range(some_of.first, begin).erase_prefix(begin);
    }
    return true;
}

shard_disk::written_batch shard_disk::changes(std::uint64_t ticket,
                                              const std::vector<storage_change>& all,
                                              const shard_log& log) {
    written_batch w;
    beam::store::batch& b = w.batch;
    state_.base = log.base();
    state_.applied_seq = log.applied_seq();
    const auto make = [&](const auto& c) {
        using type = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<type, append_log>) {
            append(b, c.what);
            note_written(c.what);
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, cut_log>) {
            cut(b, c.first);
            is_state_lost_ = true;
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, drop_log>) {
            b.in("log").erase_range(own(""), log_key(c.last.seq + 1));
        } else if constexpr (std::is_same_v<type, apply_entry>) {
            apply(b, ticket, c.what);
        } else if constexpr (std::is_same_v<type, save_record>) {
            state_.acted = c.what;
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, stage_items>) {
            const std::uint32_t next = state_.generation + 1;
            if (c.is_first)
                b.in("data")
                    .erase_prefix(data_prefix(next))
                    .in("due")
                    .erase_prefix(data_prefix(next));
            for (const auto& [key, v] : c.items) put_item(b, next, key, v);
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, install_staged>) {
            begin_generation(b, ticket, state_.generation + 1);
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, erase_copy>) {
            begin_generation(b, ticket, state_.generation + 2);  // the next one has what was staged
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, checkpoint>) {
            b.in("meta").put(own("checkpoint"), sealed_bytes_of(c));
        }
    };
    for (const storage_change& c : all) std::visit(make, c);
    return w;
}

void shard_disk::committed(std::uint64_t ticket) {
    committed_ = ticket;
    while (!by_ticket_.empty() && by_ticket_.front().first <= ticket) {
        const auto found = uncommitted_.find(by_ticket_.front().second);
        if (found != uncommitted_.end() && found->second.ticket <= ticket)
            uncommitted_.erase(found);
        by_ticket_.pop_front();
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

value shard_disk::read_value(std::string stored) const {
    try {
        return value_within(std::move(stored));
    } catch (const malformed_bytes& e) {
        throw spoilt_disk(file() + ", a value: " + e.what());
    }
}

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
    return all;
}

}  // namespace kv
