#include "libbeamcore/store/internal/folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <set>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"

namespace beam::store::detail {

namespace {

// LMDB's file locks belong to the OS process: one that opened a file twice would lose them when either is
// closed. So this is known for the OS process and not for a runtime.
std::mutex claims_mutex;
std::set<std::pair<std::uint64_t, std::uint64_t>> claims;

bool is_there(const std::string& file) {
    return ::access(file.c_str(), F_OK) == 0;
}

std::string rocksdb_mark(const std::string& folder) {
    return folder + "/rocksdb";
}

}  // namespace

result<void> folder_claim::take(const std::string& folder) {
    struct stat s {};
    if (::stat(folder.c_str(), &s) != 0) return failed(errno, folder);
    std::lock_guard lock(claims_mutex);
    const std::pair<std::uint64_t, std::uint64_t> wanted{s.st_dev, s.st_ino};
    if (!claims.insert(wanted).second)
        return fail("already_open", folder + ": is open in this process already");
    held_ = wanted;
    return {};
}

void folder_claim::give_up() {
    if (!held_) return;
    std::lock_guard lock(claims_mutex);
    claims.erase(*held_);
    held_.reset();
}

result<void> make_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return failed(errno, folder);
    return {};
}

result<std::optional<engine_type>> engine_in(const std::string& folder) {
    const bool is_lmdb = is_there(folder + "/data.mdb");
    // Without its mark RocksDB was cut off as it was made: nothing was answered yet.
    const bool is_rocksdb = is_marked_as_rocksdb(folder) || is_there(folder + "/CURRENT");
    if (is_lmdb && is_rocksdb)
        return fail("corrupt", folder + ": has files of two engines, lmdb and rocksdb");
    if (is_lmdb) return engine_type::lmdb;
    if (is_rocksdb) return engine_type::rocksdb;
    return std::nullopt;
}

result<void> mark_as_rocksdb(const std::string& folder) {
    unique_fd fd(::open(rocksdb_mark(folder).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return failed(errno, rocksdb_mark(folder));
    return sync_path(folder);
}

bool is_marked_as_rocksdb(const std::string& folder) {
    return is_there(rocksdb_mark(folder));
}

result<void> sync_path(const std::string& path) {
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return failed(errno, path);
    return {};
}

std::string parent_of(const std::string& path) {
    const auto end = path.find_last_not_of('/');
    const auto at = path.rfind('/', end == std::string::npos ? 0 : end);
    if (at == std::string::npos) return ".";
    return at == 0 ? "/" : path.substr(0, at);
}

}  // namespace beam::store::detail
