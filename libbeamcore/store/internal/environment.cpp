#include "libbeamcore/store/internal/environment.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/cursor.hpp"
#include "libbeamcore/store/internal/encoding.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/file_check.hpp"
#include "libbeamcore/store/internal/open_mark.hpp"
#include "libbeamcore/store/internal/page_check.hpp"

namespace beam::store::detail {

namespace {

// LMDB's file locks belong to the OS process: one that opened a file twice would lose them when either is
// closed. So this is known for the OS process and not for a runtime.
std::mutex claims_mutex;
std::set<std::pair<std::uint64_t, std::uint64_t>> claims;

constexpr std::size_t idle_readers_max = 64;

// A file is safe on disk when its folder's entry is.
void sync_folder(const std::string& path) {
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) ::fsync(fd.get());
}

std::string parent_of(const std::string& path) {
    const auto end = path.find_last_not_of('/');
    const auto at = path.rfind('/', end == std::string::npos ? 0 : end);
    if (at == std::string::npos) return ".";
    return at == 0 ? "/" : path.substr(0, at);
}

// LMDB writes to its lock file through a map of it. Where the disk has no room for that file, this says
// so; the write would be a SIGBUS. The size is what LMDB gives it: a header, and a line a reader.
int reserve_lock_file(const std::string& folder, unsigned readers) {
    unique_fd fd(::open((folder + "/lock.mdb").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return errno;
    return ::posix_fallocate(fd.get(), 0, 192 + off_t{64} * (readers - 1));
}

bool begins_with(std::string_view s, std::string_view prefix) {
    return s.substr(0, prefix.size()) == prefix;
}

/// The least string that comes after all that begin with `prefix`; empty: there is none.
std::string end_of_prefix(std::string prefix) {
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
    if (!prefix.empty()) ++prefix.back();
    return prefix;
}

}  // namespace

environment::environment(std::string path, const open_options& options)
    : path_(std::move(path)), file_(path_ + "/data.mdb"), options_(options) {}

environment::~environment() {
    close();
}

// Opening and closing.

result<void> environment::claim() {
    struct stat s {};
    if (::stat(path_.c_str(), &s) != 0) return tl::unexpected<error>(failure(errno, path_));
    std::lock_guard lock(claims_mutex);
    claimed_ = {s.st_dev, s.st_ino};
    if (!claims.insert(claimed_).second)
        return fail("already_open", path_ + ": is open in this process already");
    has_claim_ = true;
    return {};
}

void environment::give_up_claim() {
    if (!has_claim_) return;
    std::lock_guard lock(claims_mutex);
    claims.erase(claimed_);
    has_claim_ = false;
}

result<void> environment::open() {
    std::unique_lock lock(state_);
    if (env_) return {};
    if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
        return tl::unexpected<error>(failure(errno, path_));
    if (auto r = claim(); !r) return r;
    const unsigned cut_off = lives_cut_off(path_);
    if (auto r = check_after_crashes(cut_off); !r) {
        give_up_claim();
        return r;
    }
    mark_open(path_, cut_off);
    const bool is_new = ::access(file_.c_str(), F_OK) != 0;
    int rc = open_environment();
    result<void> checked;
    if (rc == 0) checked = check_length(env_, file_);
    if (rc == 0 && checked) rc = open_databases();
    if (rc != 0 || !checked) {
        close_locked();
        if (!checked) return checked;
        return tl::unexpected<error>(failure(rc, file_));
    }
    if (is_new) {
        sync_folder(path_);
        sync_folder(parent_of(path_));
    }
    return {};
}

result<void> environment::check_after_crashes(unsigned cut_off) {
    if (cut_off < cut_off_max) return {};
    auto sound = check_pages(file_);
    log(sound ? log_level::notice : log_level::error, "store",
        sound ? "sound after lives that did not close it" : "damaged",
        {{"file", file_}, {"detail", sound ? "" : sound.error().detail}});
    return sound;
}

int environment::open_environment() {
    int rc = reserve_lock_file(path_, std::max(options_.readers_max, 1U));
    if (rc == 0) rc = ::mdb_env_create(&env_);
    if (rc == 0) rc = ::mdb_env_set_mapsize(env_, options_.map_size);
    if (rc == 0) rc = ::mdb_env_set_maxdbs(env_, options_.databases_max);
    if (rc == 0) rc = ::mdb_env_set_maxreaders(env_, options_.readers_max);
    if (rc == 0) rc = ::mdb_env_open(env_, path_.c_str(), MDB_NOTLS, 0600);
    if (rc != 0) return rc;
    // Readers of an OS process that was killed would keep old pages for ever.
    int dead = 0;
    return ::mdb_reader_check(env_, &dead);
}

// The handles of all databases are opened here, for LMDB wants no two transactions to do that at once.
int environment::open_databases() {
    MDB_txn* txn = nullptr;
    if (int rc = ::mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); rc != 0) return rc;
    MDB_dbi names = 0;
    int rc = ::mdb_dbi_open(txn, nullptr, 0, &names);
    if (rc == 0) {
        cursor c(txn, names);
        rc = c.status();
        for (rc = rc == 0 ? c.move(MDB_FIRST) : rc; rc == 0; rc = c.move(MDB_NEXT)) {
            const std::string name(c.key());
            MDB_dbi dbi = 0;
            const int opened = ::mdb_dbi_open(txn, name.c_str(), 0, &dbi);
            if (opened == MDB_INCOMPATIBLE) continue;  // no database of ours
            if (opened != 0) {
                rc = opened;
                break;
            }
            databases_[name] = dbi;
        }
        if (rc == MDB_NOTFOUND) rc = 0;
    }
    // Only a commit keeps the handles.
    if (rc == 0) return ::mdb_txn_commit(txn);
    databases_.clear();
    ::mdb_txn_abort(txn);
    return rc;
}

void environment::close() {
    std::unique_lock lock(state_);
    close_locked();
}

void environment::close_locked() {
    if (has_claim_) mark_closed(path_);
    if (env_) {
        for (MDB_txn* t : idle_) ::mdb_txn_abort(t);
        idle_.clear();
        databases_.clear();
        ::mdb_env_close(env_);
        env_ = nullptr;
    }
    give_up_claim();
}

// Writing.

bool environment::commit(std::vector<pending_write>& writes) {
    int rc;
    do rc = try_commit(writes);
    while (rc == MDB_MAP_FULL && (rc = raise_map()) == 0);
    if (rc == 0) {
        commits_.fetch_add(1, std::memory_order_relaxed);
        requests_.fetch_add(writes.size(), std::memory_order_relaxed);
        largest_.store(std::max<std::uint64_t>(largest_.load(), writes.size()));
        return false;
    }
    failed_.fetch_add(1, std::memory_order_relaxed);
    const error e = failure(rc, file_);
    log(log_level::error, "store", "commit failed",
        {{"file", file_}, {"code", e.code}, {"detail", e.detail}});
    for (auto& w : writes) w.answer = write_answer{e.code, e.detail, false};
    return is_fatal(rc) && !e.is("enospc") && !e.is("efbig");
}

int environment::try_commit(std::vector<pending_write>& writes) {
    MDB_txn* txn = nullptr;
    if (int rc = ::mdb_txn_begin(env_, nullptr, 0, &txn); rc != 0) return rc;
    database_map created;
    bool changed = false;
    for (auto& w : writes) {
        w.answer = {};
        if (int rc = apply(txn, created, w, changed); rc != 0) {
            ::mdb_txn_abort(txn);
            return rc;
        }
    }
    if (!changed) {
        ::mdb_txn_abort(txn);
        return 0;
    }
    std::unique_lock lock(state_, std::defer_lock);
    if (!created.empty()) lock.lock();
    if (int rc = ::mdb_txn_commit(txn); rc != 0) return rc;
    databases_.merge(created);
    return 0;
}

// An error number is the transaction's; what is wrong with this request alone is in its answer, and found
// before it has changed anything.
int environment::apply(MDB_txn* txn, database_map& created, pending_write& w, bool& changed) {
    for (const auto& op : w.operations) {
        const bool wanted = op.what == operation::kind::expect;
        if (!wanted && op.what != operation::kind::expect_absent) continue;
        MDB_dbi dbi = 0;
        std::optional<std::string_view> actual;
        int rc = database_for_writing(txn, created, op.db, dbi);
        if (rc != 0) return rc;
        const std::string key = stored_key(op.key);
        MDB_val k = to_val(key), v{};
        rc = ::mdb_get(txn, dbi, &k, &v);
        if (rc != 0 && rc != MDB_NOTFOUND) return rc;
        if (rc == 0) {
            const auto item = read_item(key, to_view(v));
            if (!item) return MDB_CORRUPTED;
            if (item->key == op.key) actual = item->value;
        }
        if (wanted ? actual == std::string_view(op.value) : !actual) continue;
        w.answer.applied = false;
        if (actual) w.answer.actual = std::string(*actual);
        if (!w.is_cas) {
            w.answer.code = "conflict";
            w.answer.detail = op.key;
        }
        return 0;
    }
    for (const auto& op : w.operations) {
        if (op.what != operation::kind::put || !is_cut(op.key)) continue;
        MDB_dbi dbi = 0;
        if (int rc = database_for_writing(txn, created, op.db, dbi); rc != 0) return rc;
        const std::string key = stored_key(op.key);
        MDB_val k = to_val(key), v{};
        const int rc = ::mdb_get(txn, dbi, &k, &v);
        if (rc != 0 && rc != MDB_NOTFOUND) return rc;
        if (rc != 0) continue;
        const auto item = read_item(key, to_view(v));
        if (!item) return MDB_CORRUPTED;
        if (item->key == op.key) continue;
        w.answer = write_answer{"key_collision", std::string(op.key.substr(0, 100)), false};
        return 0;
    }
    for (const auto& op : w.operations) {
        MDB_dbi dbi = 0;
        if (int rc = database_for_writing(txn, created, op.db, dbi); rc != 0) return rc;
        int rc = 0;
        switch (op.what) {
            case operation::kind::put:
                rc = put_one(txn, dbi, op);
                changed = true;
                break;
            case operation::kind::erase:
                rc = erase_one(txn, dbi, op, changed);
                break;
            case operation::kind::erase_prefix:
                rc = erase_all(txn, dbi, op, changed);
                break;
            default:
                break;
        }
        if (rc != 0) return rc;
    }
    return 0;
}

int environment::database_for_writing(MDB_txn* txn, database_map& created, const std::string& name,
                                      MDB_dbi& dbi) {
    // Only this thread changes databases_, so it may look without the lock.
    if (auto it = databases_.find(name); it != databases_.end()) {
        dbi = it->second;
        return 0;
    }
    if (auto it = created.find(name); it != created.end()) {
        dbi = it->second;
        return 0;
    }
    const int rc = ::mdb_dbi_open(txn, name.c_str(), MDB_CREATE, &dbi);
    if (rc == 0) created[name] = dbi;
    return rc;
}

int environment::put_one(MDB_txn* txn, MDB_dbi dbi, const operation& op) {
    const std::string key = stored_key(op.key);
    const std::string value = stored_value(op.key, op.value);
    MDB_val k = to_val(key), v = to_val(value);
    return ::mdb_put(txn, dbi, &k, &v, 0);
}

int environment::erase_one(MDB_txn* txn, MDB_dbi dbi, const operation& op, bool& changed) {
    const std::string key = stored_key(op.key);
    MDB_val k = to_val(key), v{};
    int rc = ::mdb_get(txn, dbi, &k, &v);
    if (rc == MDB_NOTFOUND) return 0;
    if (rc != 0) return rc;
    const auto item = read_item(key, to_view(v));
    if (!item) return MDB_CORRUPTED;
    if (item->key != op.key) return 0;
    changed = true;
    return ::mdb_del(txn, dbi, &k, nullptr);
}

int environment::erase_all(MDB_txn* txn, MDB_dbi dbi, const operation& op, bool& changed) {
    if (op.key.empty()) {
        changed = true;
        return ::mdb_drop(txn, dbi, 0);
    }
    cursor c(txn, dbi);
    if (c.status() != 0) return c.status();
    const std::string from = op.key.substr(0, cut_size);
    int rc = c.seek(from);
    while (rc == 0 && begins_with(c.key(), from)) {
        const auto item = read_item(c.key(), c.value());
        if (!item) return MDB_CORRUPTED;
        if (begins_with(item->key, op.key)) {
            changed = true;
            if (rc = c.erase(); rc != 0) return rc;
        }
        rc = c.move(MDB_NEXT);  // after an erasure: to the one that followed
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int environment::raise_map() {
    std::unique_lock lock(state_);
    for (MDB_txn* t : idle_) ::mdb_txn_abort(t);
    idle_.clear();
    MDB_envinfo info{};
    ::mdb_env_info(env_, &info);
    raises_.fetch_add(1, std::memory_order_relaxed);
    log(log_level::notice, "store", "raising the map",
        {{"file", file_}, {"bytes", std::to_string(info.me_mapsize * 2)}});
    return ::mdb_env_set_mapsize(env_, info.me_mapsize * 2);
}

// Reading.

template <class F>
result<void> environment::reading(std::string_view db, F read) {
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
    if (rc != 0 && rc != MDB_NOTFOUND) return tl::unexpected<error>(failure(rc, file_));
    return {};
}

result<std::optional<std::string>> environment::get(std::string_view db, std::string_view key) {
    if (key.empty()) return fail("key_empty");
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

result<page> environment::scan(std::string_view db, const scan_options& o) {
    page p;
    auto r = reading(db, [&](MDB_txn* txn, MDB_dbi dbi) {
        cursor c(txn, dbi);
        if (c.status() != 0) return c.status();
        const std::string from = o.prefix.substr(0, cut_size);
        int rc;
        if (!o.reverse) {
            const std::string& start = o.after < from ? from : o.after;
            rc = start.empty() ? c.move(MDB_FIRST) : c.seek(start);
            if (rc == 0 && !o.after.empty() && c.key() == o.after) rc = c.move(MDB_NEXT);
        } else {
            const std::string end = o.after.empty() ? end_of_prefix(from) : o.after;
            rc = end.empty() ? MDB_NOTFOUND : c.seek(end);
            rc = rc == MDB_NOTFOUND ? c.move(MDB_LAST) : rc == 0 ? c.move(MDB_PREV) : rc;
        }
        std::size_t bytes = 0;
        std::string last;
        for (; rc == 0 && begins_with(c.key(), from);
             rc = c.move(o.reverse ? MDB_PREV : MDB_NEXT)) {
            const auto item = read_item(c.key(), c.value());
            if (!item) return MDB_CORRUPTED;
            if (!begins_with(item->key, o.prefix)) continue;
            if (p.items.size() >= o.limit || (bytes >= o.bytes_max && !p.items.empty())) {
                p.next = std::move(last);
                return 0;
            }
            bytes += item->key.size() + (o.keys_only ? 0 : item->value.size());
            p.items.emplace_back(item->key, o.keys_only ? std::string_view() : item->value);
            last = c.key();
        }
        return rc;
    });
    if (!r) return pass(r);
    return p;
}

result<std::uint64_t> environment::count(std::string_view db) {
    MDB_stat stat{};
    auto r = reading(db, [&](MDB_txn* txn, MDB_dbi dbi) { return ::mdb_stat(txn, dbi, &stat); });
    if (!r) return pass(r);
    return stat.ms_entries;
}

result<std::vector<std::string>> environment::databases() {
    std::shared_lock lock(state_);
    if (!env_) return fail("closed", file_);
    std::vector<std::string> names;
    for (const auto& [name, dbi] : databases_) names.push_back(name);
    return names;
}

result<statistics> environment::info() {
    statistics s;
    s.file = file_;
    s.commits = commits_;
    s.requests = requests_;
    s.largest_commit = largest_;
    s.failed_commits = failed_;
    s.map_raises = raises_;
    struct stat file {};
    if (::stat(file_.c_str(), &file) == 0) s.file_bytes = std::uint64_t(file.st_size);
    std::vector<std::string> names;
    {
        std::shared_lock lock(state_);
        s.is_open = env_ != nullptr;
        if (!env_) return s;
        MDB_envinfo i{};
        ::mdb_env_info(env_, &i);
        s.map_bytes = i.me_mapsize;
        for (const auto& [name, dbi] : databases_) names.push_back(name);
    }
    for (const auto& name : names)
        if (auto n = count(name)) s.keys += *n;
    return s;
}

}  // namespace beam::store::detail
