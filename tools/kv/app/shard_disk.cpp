#include "tools/kv/app/shard_disk.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "tools/kv/app/encoding.hpp"
#include "tools/kv/app/store_reads.hpp"

namespace kv {

namespace {

/// What keeping it back takes, roughly.
std::size_t size_of_applied(const std::vector<storage_change>& all) {
    std::size_t size = 0;
    for (const storage_change& s : all) {
        const auto* applied = std::get_if<apply_entry>(&s);
        if (!applied) continue;
        size += 64;
        for (const change& c : applied->what.changes)
            size += 64 + c.key.size() + (c.bytes ? c.bytes->size() : 0);
    }
    return size;
}
bool are_entries(const std::vector<storage_change>& all) {
    return std::all_of(all.begin(), all.end(), [](const storage_change& c) {
        return std::holds_alternative<append_log>(c) || std::holds_alternative<apply_entry>(c);
    });
}

}  // namespace

shard_disk::shard_disk(const beam::server_ref& store, std::uint32_t shard)
    : meta_(store, "meta"),
      log_(store, "log"),
      data_(store, "data"),
      due_(store, "due"),
      shard_(shard) {}

// -- keys -------------------------------------------------------------------------------------------

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

// -- changes ----------------------------------------------------------------------------------------

shard_disk::written_batch shard_disk::changes(std::uint64_t write,
                                              const std::vector<storage_change>& all,
                                              const shard_log& log) {
    written_batch w;
    beam::store::batch& b = w.batch;
    state_.base = log.base();
    applied_with_kept_back_ = log.applied_seq();
    kept_back_bytes_ += size_of_applied(all);
    const bool is_all_written = !are_entries(all) || kept_back_bytes_ > kept_back_max_;
    if (is_all_written) state_.applied_seq = applied_with_kept_back_;
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
            apply(c.what);
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
            begin_generation(b, write, state_.generation + 1);
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, erase_copy>) {
            begin_generation(b, write, state_.generation + 2);  // the next one has what was staged
            w.is_lazy = false;
        } else if constexpr (std::is_same_v<type, checkpoint>) {
            b.in("meta").put(own("checkpoint"), sealed_bytes_of(c));
        }
    };
    for (const storage_change& c : all) std::visit(make, c);
    if (is_all_written) write_kept_back(b, write);
    return w;
}

/// Written at once with all that was changed before but what is kept back, so it may say what else is applied.
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

void shard_disk::apply(const entry& e) {
    for (const change& c : e.changes) {
        newer& n = uncommitted_[c.key];
        if (std::exchange(n.write, no_write) != no_write) kept_back_.push_back(c.key);
        n.is.reset();
        if (!c.bytes) continue;
        n.is = value{*c.bytes, e.at.seq, c.expires_ms};
        if (c.expires_ms != 0)
            kept_back_expires_ms_ = std::min(kept_back_expires_ms_, c.expires_ms);
    }
}

void shard_disk::write_kept_back(beam::store::batch& b, std::uint64_t write) {
    state_.applied_seq = applied_with_kept_back_;
    std::sort(kept_back_.begin(), kept_back_.end());
    for (std::string& key : kept_back_) {
        newer& n = uncommitted_[key];
        n.write = write;
        if (n.is)
            put_item(b, state_.generation, key, *n.is);
        else
            b.in("data").erase(data_key(key));
        by_write_.emplace_back(write, std::move(key));
    }
    forget_kept_back();
}

void shard_disk::forget_kept_back() {
    kept_back_.clear();
    kept_back_bytes_ = 0;
    kept_back_expires_ms_ = never;
}

void shard_disk::put_item(beam::store::batch& b, std::uint32_t generation, const std::string& key,
                          const value& v) const {
    b.in("data").put_moved(data_prefix(generation).append(key), sealed_bytes_of(v));
    if (v.expires_ms != 0) b.in("due").put(due_key(generation, v.expires_ms, key), {});
}

/// The data and the log of those before are over.
void shard_disk::begin_generation(beam::store::batch& b, std::uint64_t write,
                                  std::uint32_t generation) {
    b.in("log").erase_prefix(own(""));
    state_.generation = generation;
    begun_by_ = write;
    may_have_leftovers_ = true;
    uncommitted_.clear();
    by_write_.clear();
    forget_kept_back();
}

void shard_disk::committed(std::uint64_t write) {
    committed_ = write;
    while (!by_write_.empty() && by_write_.front().first <= write) {
        const auto found = uncommitted_.find(by_write_.front().second);
        if (found != uncommitted_.end() && found->second.write <= write) uncommitted_.erase(found);
        by_write_.pop_front();
    }
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

}  // namespace kv
