#include <algorithm>
#include <utility>

#include "libbeamcore/store/internal/lmdb/cursor.hpp"
#include "libbeamcore/store/internal/lmdb/encoding.hpp"
#include "libbeamcore/store/internal/lmdb/engine.hpp"
#include "libbeamcore/store/internal/lmdb/failure.hpp"
#include "libbeamcore/store/internal/range.hpp"

namespace beam::store::detail {

namespace {

constexpr std::size_t idle_readers_max = 64;

// Before the first key of the page that `o` asks for, or on it; one way or the other.
int go_to_start(cursor& c, const key_range& range, const scan_options& o) {
    const std::string first = range.first.substr(0, cut_size);
    if (!o.reverse) {
        const std::string& start = std::max(first, o.after);
        int rc = start.empty() ? c.move(MDB_FIRST) : c.seek(start);
        if (rc == 0 && !o.after.empty() && c.key() == o.after) rc = c.move(MDB_NEXT);
        return rc;
    }
    // Cut keys that begin as a cut `last` does may lie before it: their ends are told by the whole keys.
    std::string end = range.last;
    if (end.size() >= cut_size) end = range_of_prefix(end.substr(0, cut_size)).last;
    if (!o.after.empty() && (end.empty() || o.after < end)) end = o.after;
    const int rc = end.empty() ? MDB_NOTFOUND : c.seek(end);
    return rc == MDB_NOTFOUND ? c.move(MDB_LAST) : rc == 0 ? c.move(MDB_PREV) : rc;
}

bool is_past(const key_range& range, std::string_view stored, bool reverse) {
    const auto part = stored.substr(0, cut_size);
    if (reverse) return part < std::string_view(range.first).substr(0, cut_size);
    return !range.last.empty() && part > std::string_view(range.last).substr(0, cut_size);
}

int fill_page(cursor& c, const key_range& range, const scan_options& o, page& p) {
    std::size_t bytes = 0;
    std::string last;
    int rc = go_to_start(c, range, o);
    for (; rc == 0 && !is_past(range, c.key(), o.reverse);
         rc = c.move(o.reverse ? MDB_PREV : MDB_NEXT)) {
        const auto item = read_item(c.key(), c.value());
        if (!item) return MDB_CORRUPTED;
        if (!range.holds(item->key)) continue;
        if (p.items.size() >= o.limit || (bytes >= o.bytes_max && !p.items.empty())) {
            p.next = std::move(last);
            return 0;
        }
        bytes += item->key.size() + (o.keys_only ? 0 : item->value.size());
        p.items.emplace_back(item->key, o.keys_only ? std::string_view() : item->value);
        last = c.key();
    }
    return rc;
}

}  // namespace

template <class F>
result<void> lmdb_engine::reading(std::string_view db, F read) {
    std::shared_lock lock(state_);
    if (!env_) return fail("closed", file_);
    const auto it = databases_.find(db);
    if (it == databases_.end()) return {};
    MDB_txn* txn = nullptr;
    {
        std::lock_guard idle(idle_mutex_);
        if (!idle_.empty()) {
            txn = idle_.back();
            idle_.pop_back();
        }
    }
    int rc = txn ? ::mdb_txn_renew(txn) : ::mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
    if (rc == 0) {
        rc = read(txn, it->second);
        ::mdb_txn_reset(txn);
    } else if (txn) {
        ::mdb_txn_abort(std::exchange(txn, nullptr));
    }
    if (txn) {
        std::lock_guard idle(idle_mutex_);
        if (idle_.size() < idle_readers_max) idle_.push_back(std::exchange(txn, nullptr));
    }
    if (txn) ::mdb_txn_abort(txn);
    if (rc != 0 && rc != MDB_NOTFOUND) return tl::unexpected<error>(lmdb_failure(rc, file_));
    return {};
}

result<std::optional<std::string>> lmdb_engine::get(std::string_view db, std::string_view key) {
    std::optional<std::string> found;
    auto r = reading(db, [&](MDB_txn* txn, MDB_dbi dbi) {
        const std::string stored = stored_key(key);
        MDB_val k = to_val(stored), v{};
        if (int rc = ::mdb_get(txn, dbi, &k, &v); rc != 0) return rc;
        const auto item = read_item(stored, to_view(v));
        if (!item) return MDB_CORRUPTED;
        if (item->key == key) found.emplace(item->value);
        return 0;
    });
    if (!r) return pass(r);
    return found;
}

result<page> lmdb_engine::scan(std::string_view db, const scan_options& o) {
    page p;
    const key_range range = range_of(o);
    auto r = reading(db, [&](MDB_txn* txn, MDB_dbi dbi) {
        cursor c(txn, dbi);
        return c.status() != 0 ? c.status() : fill_page(c, range, o, p);
    });
    if (!r) return pass(r);
    return p;
}

result<std::uint64_t> lmdb_engine::count(std::string_view db) {
    MDB_stat stat{};
    auto r = reading(db, [&](MDB_txn* txn, MDB_dbi dbi) { return ::mdb_stat(txn, dbi, &stat); });
    if (!r) return pass(r);
    return stat.ms_entries;
}

result<std::vector<std::string>> lmdb_engine::databases() {
    std::shared_lock lock(state_);
    if (!env_) return fail("closed", file_);
    std::vector<std::string> names;
    for (const auto& [name, dbi] : databases_) names.push_back(name);
    return names;
}

}  // namespace beam::store::detail
