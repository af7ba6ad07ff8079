#include <algorithm>
#include <limits>
#include <utility>

#include "tools/kv/app/encoding.hpp"
#include "tools/kv/app/shard_disk.hpp"
#include "tools/kv/app/store_reads.hpp"

namespace kv {

namespace {

/// How far back a log is read for a client's request, and how many entries at once.
constexpr std::size_t asked_max = 256, asked_page = 4;

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

stored_shard shard_disk::load() {
    const auto on_disk = state_on_disk();
    has_state_ = on_disk.has_value();
    state_ = saved_ = on_disk.value_or(state());
    stored_shard s;
    s.base = state_.base;
    s.applied_seq = applied_with_kept_back_ = state_.applied_seq;
    s.acted = state_.acted;
    s.has_staged = has_any(data_, data_prefix(state_.generation + 1));
    s.saved = checkpoint_on_disk();
    constexpr auto all = std::numeric_limits<std::size_t>::max();
    s.entries = entries_from(s.saved.seq + 1, all, all);
    return s;
}

checkpoint shard_disk::checkpoint_on_disk() const {
    try {
        const auto saved = value_of(beam::store::get(meta_, own("checkpoint")));
        return saved ? from_bytes<checkpoint>(unsealed(*saved)) : checkpoint();
    } catch (const malformed_bytes& e) {
        throw spoilt_disk(file() + ": " + e.what());
    }
}

bool shard_disk::is_ahead_on_disk() const {
    const log_point reflects = checkpoint_on_disk().reflects;
    if (reflects.seq <= state_on_disk().value_or(state()).base.seq) return false;
    const auto there = value_of(beam::store::get(log_, log_key(reflects.seq)));
    return !there || read_entry(*there).what.at != reflects;
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

}  // namespace kv
