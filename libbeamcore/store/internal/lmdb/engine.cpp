#include "libbeamcore/store/internal/lmdb/engine.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/folder.hpp"
#include "libbeamcore/store/internal/lmdb/cursor.hpp"
#include "libbeamcore/store/internal/lmdb/failure.hpp"
#include "libbeamcore/store/internal/lmdb/file_check.hpp"
#include "libbeamcore/store/internal/lmdb/open_mark.hpp"
#include "libbeamcore/store/internal/lmdb/page_check.hpp"

namespace beam::store::detail {

namespace {

// LMDB writes to its lock file through a map of it. Where the disk has no room for that file, this says
// so; the write would be a SIGBUS. The size is what LMDB gives it: a header, and a line a reader.
int reserve_lock_file(const std::string& folder, unsigned readers) {
    unique_fd fd(::open((folder + "/lock.mdb").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return errno;
    return ::posix_fallocate(fd.get(), 0, 192 + off_t{64} * (readers - 1));
}

}  // namespace

lmdb_engine::lmdb_engine(std::string folder, const open_options& options)
    : folder_(std::move(folder)), file_(folder_ + "/data.mdb"), options_(options) {}

lmdb_engine::~lmdb_engine() {
    close();
}

result<void> lmdb_engine::open() {
    std::unique_lock lock(state_);
    if (env_) return {};
    const unsigned cut_off = lives_cut_off(folder_);
    if (auto r = check_after_crashes(cut_off); !r) return r;
    mark_open(folder_, cut_off);
    const bool is_new = ::access(file_.c_str(), F_OK) != 0;
    int rc = open_environment();
    result<void> checked;
    if (rc == 0) checked = check_length(env_, file_);
    if (rc == 0 && checked) rc = open_databases();
    if (rc != 0 || !checked) {
        close_locked();
        if (!checked) return checked;
        return tl::unexpected<error>(lmdb_failure(rc, file_));
    }
    if (is_new) {
        (void)sync_path(folder_);
        (void)sync_path(parent_of(folder_));
    }
    return {};
}

result<void> lmdb_engine::check_after_crashes(unsigned cut_off) {
    if (cut_off < cut_off_max) return {};
    auto sound = check_pages(file_);
    log(sound ? log_level::notice : log_level::error, "store",
        sound ? "sound after lives that did not close it" : "damaged",
        {{"file", file_}, {"detail", sound ? "" : sound.error().detail}});
    return sound;
}

int lmdb_engine::open_environment() {
    int rc = reserve_lock_file(folder_, std::max(options_.readers_max, 1U));
    if (rc == 0) rc = ::mdb_env_create(&env_);
    if (rc == 0) rc = ::mdb_env_set_mapsize(env_, options_.map_size);
    if (rc == 0) rc = ::mdb_env_set_maxdbs(env_, options_.databases_max);
    if (rc == 0) rc = ::mdb_env_set_maxreaders(env_, options_.readers_max);
    if (rc == 0) rc = ::mdb_env_open(env_, folder_.c_str(), MDB_NOTLS, 0600);
    if (rc != 0) return rc;
    // Readers of an OS process that was killed would keep old pages for ever.
    int dead = 0;
    return ::mdb_reader_check(env_, &dead);
}

// The handles of all databases are opened here, for LMDB wants no two transactions to do that at once.
int lmdb_engine::open_databases() {
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

void lmdb_engine::close() {
    std::unique_lock map(map_);
    std::unique_lock lock(state_);
    close_locked();
}

void lmdb_engine::close_locked() {
    if (!env_) return;
    mark_closed(folder_);
    end_idle_readers();
    databases_.clear();
    ::mdb_env_close(env_);
    env_ = nullptr;
}

void lmdb_engine::end_idle_readers() {
    for (MDB_txn* t : idle_) ::mdb_txn_abort(t);
    idle_.clear();
}

int lmdb_engine::raise_map() {
    std::unique_lock map(map_);
    std::unique_lock lock(state_);
    end_idle_readers();
    MDB_envinfo info{};
    ::mdb_env_info(env_, &info);
    raises_.fetch_add(1, std::memory_order_relaxed);
    log(log_level::notice, "store", "raising the map",
        {{"file", file_}, {"bytes", std::to_string(info.me_mapsize * 2)}});
    return ::mdb_env_set_mapsize(env_, info.me_mapsize * 2);
}

void lmdb_engine::describe(statistics& s) {
    s.file = file_;
    s.map_raises = raises_;
    struct stat file {};
    if (::stat(file_.c_str(), &file) == 0) s.file_bytes = std::uint64_t(file.st_size);
    std::vector<std::string> names;
    {
        std::shared_lock lock(state_);
        s.is_open = env_ != nullptr;
        if (!env_) return;
        MDB_envinfo i{};
        ::mdb_env_info(env_, &i);
        s.map_bytes = i.me_mapsize;
        for (const auto& [name, dbi] : databases_) names.push_back(name);
    }
    for (const auto& name : names)
        if (auto n = count(name)) s.keys += *n;
}

// It follows the pages from a root of its own, and needs no handle of a database.
result<void> lmdb_engine::copy_to(const std::string& folder) {
    std::shared_lock map(map_);
    MDB_env* env = nullptr;
    {
        std::shared_lock lock(state_);
        env = env_;
    }
    if (!env) return fail("closed", file_);
    const std::string copy = folder + "/data.mdb";
    if (int rc = ::mdb_env_copy2(env, folder.c_str(), MDB_CP_COMPACT); rc != 0)
        return tl::unexpected<error>(lmdb_failure(rc, copy));
    return sync_path(copy);
}

}  // namespace beam::store::detail
