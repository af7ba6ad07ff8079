#include <utility>

#include "libbeamcore/store/internal/expectation.hpp"
#include "libbeamcore/store/internal/lmdb/cursor.hpp"
#include "libbeamcore/store/internal/lmdb/encoding.hpp"
#include "libbeamcore/store/internal/lmdb/engine.hpp"
#include "libbeamcore/store/internal/lmdb/failure.hpp"
#include "libbeamcore/store/internal/range.hpp"

namespace beam::store::detail {

struct lmdb_engine::transaction {
    MDB_txn* txn = nullptr;
    database_map created{};  // databases that are known when it is committed
    bool changed = false;
};

namespace {

// What the cut of a key's end does not change: the place where it lies among the others.
std::string_view ordered_part(std::string_view key) {
    return key.substr(0, cut_size);
}

/// The value of a whole key in a database; MDB_NOTFOUND, also for another key with the same stored one.
int read_value(MDB_txn* txn, MDB_dbi dbi, const std::string& key, stored_item& found) {
    const std::string stored = stored_key(key);
    MDB_val k = to_val(stored), v{};
    if (int rc = ::mdb_get(txn, dbi, &k, &v); rc != 0) return rc;
    const auto item = read_item(stored, to_view(v));
    if (!item) return MDB_CORRUPTED;
    found = *item;
    return item->key == key ? 0 : MDB_NOTFOUND;
}

int put_one(MDB_txn* txn, MDB_dbi dbi, const operation& op) {
    const std::string key = stored_key(op.key);
    MDB_val k = to_val(key), v{stored_size(op.key, op.value), nullptr};
    // Written where it is to lie: a large value costs a copy less, and the memory for one.
    if (int rc = ::mdb_put(txn, dbi, &k, &v, MDB_RESERVE); rc != 0) return rc;
    store_value(static_cast<char*>(v.mv_data), key, op.key, op.value);
    return 0;
}

int erase_one(MDB_txn* txn, MDB_dbi dbi, const std::string& key, bool& changed) {
    stored_item item;
    const int rc = read_value(txn, dbi, key, item);
    if (rc != 0) return rc == MDB_NOTFOUND ? 0 : rc;
    changed = true;
    const std::string stored = stored_key(key);
    MDB_val k = to_val(stored);
    return ::mdb_del(txn, dbi, &k, nullptr);
}

int erase_range(MDB_txn* txn, MDB_dbi dbi, const key_range& range, bool& changed) {
    if (range.is_everything()) {
        changed = true;
        return ::mdb_drop(txn, dbi, 0);
    }
    cursor c(txn, dbi);
    if (c.status() != 0) return c.status();
    const std::string_view end = ordered_part(range.last);
    int rc = range.first.empty() ? c.move(MDB_FIRST) : c.seek(ordered_part(range.first));
    while (rc == 0 && (end.empty() || ordered_part(c.key()) <= end)) {
        const auto item = read_item(c.key(), c.value());
        if (!item) return MDB_CORRUPTED;
        if (range.holds(item->key)) {
            changed = true;
            if (rc = c.erase(); rc != 0) return rc;
        }
        rc = c.move(MDB_NEXT);  // after an erasure: to the one that followed
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

}  // namespace

std::optional<commit_failure> lmdb_engine::commit(std::vector<pending_write>& writes) {
    int rc;
    do rc = try_commit(writes);
    while (rc == MDB_MAP_FULL && (rc = raise_map()) == 0);
    if (rc == 0) return {};
    error e = lmdb_failure(rc, file_);
    const bool is_fatal_here = is_fatal(rc) && !e.is("enospc") && !e.is("efbig");
    return commit_failure{std::move(e), is_fatal_here};
}

int lmdb_engine::try_commit(std::vector<pending_write>& writes) {
    transaction t;
    if (int rc = ::mdb_txn_begin(env_, nullptr, 0, &t.txn); rc != 0) return rc;
    for (auto& w : writes) {
        if (w.is_refused()) continue;
        w.answer = {};
        if (int rc = apply(t, w); rc != 0) {
            ::mdb_txn_abort(t.txn);
            return rc;
        }
    }
    if (!t.changed) {
        ::mdb_txn_abort(t.txn);
        return 0;
    }
    std::unique_lock lock(state_, std::defer_lock);
    if (!t.created.empty()) lock.lock();
    if (int rc = ::mdb_txn_commit(t.txn); rc != 0) return rc;
    databases_.merge(t.created);
    return 0;
}

// An error number is the transaction's; what is wrong with this request alone is in its answer, and found
// before it has changed anything.
int lmdb_engine::apply(transaction& t, pending_write& w) {
    if (int rc = check_expectations(t, w); rc != 0) return rc;
    if (!w.answer.applied) return 0;
    if (int rc = check_collisions(t, w); rc != 0) return rc;
    if (!w.answer.applied) return 0;
    for (const auto& op : w.operations)
        if (int rc = apply_one(t, op); rc != 0) return rc;
    return 0;
}

int lmdb_engine::check_expectations(transaction& t, pending_write& w) {
    for (const auto& op : w.operations) {
        if (!op.is_expectation()) continue;
        MDB_dbi dbi = 0;
        stored_item item;
        int rc = find_database(t, op, dbi);
        if (rc == 0) rc = read_value(t.txn, dbi, op.key, item);
        if (rc != 0 && rc != MDB_NOTFOUND) return rc;
        std::optional<std::string_view> actual;
        if (rc == 0) actual = item.value;
        if (!meets(op, actual)) {
            refuse(w, op, actual);
            return 0;
        }
    }
    return 0;
}

int lmdb_engine::check_collisions(transaction& t, pending_write& w) {
    for (const auto& op : w.operations) {
        if (op.what != operation::kind::put || !is_cut(op.key)) continue;
        MDB_dbi dbi = 0;
        stored_item item;
        int rc = find_database(t, op, dbi);
        if (rc == 0) rc = read_value(t.txn, dbi, op.key, item);
        if (rc != 0 && rc != MDB_NOTFOUND) return rc;
        if (rc == 0 || item.key.empty() || item.key == op.key) continue;
        w.answer = write_answer{"key_collision", op.key.substr(0, 100), false};
        return 0;
    }
    return 0;
}

int lmdb_engine::apply_one(transaction& t, const operation& op) {
    if (op.is_expectation()) return 0;
    MDB_dbi dbi = 0;
    // What erases finds nothing in a database that is not there.
    if (int rc = find_database(t, op, dbi); rc != 0) return rc == MDB_NOTFOUND ? 0 : rc;
    switch (op.what) {
        case operation::kind::put:
            t.changed = true;
            return put_one(t.txn, dbi, op);
        case operation::kind::erase:
            return erase_one(t.txn, dbi, op.key, t.changed);
        default:
            return erase_range(t.txn, dbi, {op.key, op.value}, t.changed);
    }
}

// What puts makes it. Only this thread changes databases_, so it may look without the lock.
int lmdb_engine::find_database(transaction& t, const operation& op, MDB_dbi& dbi) {
    for (const database_map* known : {&std::as_const(databases_), &std::as_const(t.created)})
        if (auto it = known->find(op.db); it != known->end()) {
            dbi = it->second;
            return 0;
        }
    if (op.what != operation::kind::put) return MDB_NOTFOUND;
    const int rc = ::mdb_dbi_open(t.txn, op.db.c_str(), MDB_CREATE, &dbi);
    if (rc == 0) t.created[op.db] = dbi;
    return rc;
}

}  // namespace beam::store::detail
