#include <rocksdb/write_batch.h>

#include <algorithm>

#include "libbeamcore/store/internal/expectation.hpp"
#include "libbeamcore/store/internal/rocksdb/changes.hpp"
#include "libbeamcore/store/internal/rocksdb/engine.hpp"
#include "libbeamcore/store/internal/rocksdb/insert_hints.hpp"
#include "libbeamcore/store/internal/rocksdb/settings.hpp"

namespace beam::store::detail {

namespace {

// RocksDB erases up to a key only, and to see what a commit did before it takes a second list of it. Both are for
// the commits that need them.
bool looks_back(const operation& op) {
    return op.is_expectation() || (op.what == operation::kind::erase_range && op.value.empty());
}
bool wants_disk(const std::vector<pending_write>& writes) {
    return std::any_of(writes.begin(), writes.end(), [](const auto& w) { return w.is_durable; });
}
bool looks_back(const pending_write& w) {
    return std::any_of(w.operations.begin(), w.operations.end(),
                       [](const operation& op) { return looks_back(op); });
}

}  // namespace

struct rocksdb_engine::transaction {
    rocksdb::WriteBatch batch{};
    bool keeps_changes = false;
    std::map<std::string, changes, std::less<>> done{};  // of each database
};

std::optional<commit_failure> rocksdb_engine::commit(std::vector<pending_write>& writes) {
    transaction t;
    t.keeps_changes = std::any_of(writes.begin(), writes.end(),
                                  [](const pending_write& w) { return looks_back(w); });
    rocksdb::Status s;
    for (auto& w : writes) {
        if (w.is_refused()) continue;
        w.answer = {};
        s = apply(t, w);
        if (!s.ok()) break;
    }
    const bool is_synced = !options_.sync_interval || wants_disk(writes);
    if (s.ok() && t.batch.Count() > 0) {
        s = db_->Write(write_settings(is_synced), &t.batch);
        has_unsynced_ = !is_synced;
    } else if (s.ok() && is_synced && has_unsynced_) {
        s = db_->SyncWAL();
        has_unsynced_ = false;
    }
    if (s.ok()) return {};
    note_failure();
    // Its log may hold the batch or not, and RocksDB takes no other after it.
    return commit_failure{failure(s), true};
}

// What was closed since is synced: a close writes it out.
std::optional<error> rocksdb_engine::sync() {
    std::shared_lock lock(state_);
    if (!db_ || !has_unsynced_) return {};
    if (const auto s = db_->SyncWAL(); !s.ok()) {
        note_failure();
        return failure(s);
    }
    has_unsynced_ = false;
    return {};
}

rocksdb::Status rocksdb_engine::apply(transaction& t, pending_write& w) {
    check_expectations(t, w);
    if (!w.answer.applied) return {};
    if (const auto s = make_databases(w); !s.ok() || !w.answer.applied) return s;
    for (const auto& op : w.operations)
        if (const auto s = apply_one(t, op); !s.ok()) return s;
    return {};
}

void rocksdb_engine::check_expectations(transaction& t, pending_write& w) {
    for (const auto& op : w.operations) {
        if (!op.is_expectation()) continue;
        std::optional<std::string> actual;
        if (const auto s = read_value(t, op, actual); !s.ok()) {
            // Damage of one key is no matter of those who write others.
            error e = failure(s);
            w.answer = write_answer{std::move(e.code), std::move(e.detail), false};
            return;
        }
        if (meets(op, actual)) continue;
        refuse(w, op, actual);
        return;
    }
}

rocksdb::Status rocksdb_engine::read_value(const transaction& t, const operation& op,
                                           std::optional<std::string>& value) {
    if (const auto it = t.done.find(op.db); it != t.done.end())
        if (auto changed = it->second.find(op.key)) {
            value = *std::move(changed);
            return {};
        }
    family* const f = find(op.db);
    if (!f) return {};
    std::string found;
    const auto s = db_->Get(rocksdb::ReadOptions(), f, op.key, &found);
    if (s.IsNotFound()) return {};
    if (s.ok()) value = std::move(found);
    return s;
}

rocksdb::Status rocksdb_engine::make_databases(pending_write& w) {
    for (const auto& op : w.operations) {
        if (op.what != operation::kind::put || find(op.db)) continue;
        if (databases_.size() >= options_.databases_max) {
            w.answer = write_answer{"too_many_databases", folder_, false};
            return {};
        }
        if (auto s = make_database(op.db); !s.ok()) return s;
    }
    return {};
}

rocksdb::Status rocksdb_engine::apply_one(transaction& t, const operation& op) {
    family* const f = find(op.db);
    if (!f || op.is_expectation()) return {};  // nothing is there to erase
    if (op.what == operation::kind::erase_range) return erase_range(t, f, op);
    const bool is_put = op.what == operation::kind::put;
    if (t.keeps_changes) {
        changes& done = t.done[op.db];
        is_put ? done.put(op.key, op.value) : done.erase(op.key);
    }
    return is_put ? t.batch.Put(f, op.key, op.value) : t.batch.Delete(f, op.key);
}

rocksdb::Status rocksdb_engine::erase_range(transaction& t, family* f, const operation& op) {
    key_range range{op.key, op.value};
    if (range.is_nothing()) return {};
    if (range.last.empty()) {
        // Behind the last key that there is, here or in the commit so far.
        const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions(), f));
        it->SeekToLast();
        if (!it->status().ok()) return it->status();
        range.last = t.done[op.db].last_key();
        if (it->Valid()) range.last = std::max(range.last, it->key().ToString());
        range.last += '\0';
        if (range.is_nothing()) return {};
    }
    if (t.keeps_changes) t.done[op.db].erase(range);
    if (has_hint(range.first)) {
        // Another range with the same keys, that begins where no hint is.
        if (const auto s = t.batch.Delete(f, range.first); !s.ok()) return s;
        range.first += '\0';
        if (range.is_nothing()) return {};
    }
    return t.batch.DeleteRange(f, range.first, range.last);
}

}  // namespace beam::store::detail
