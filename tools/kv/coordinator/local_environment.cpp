#include "tools/kv/coordinator/local_environment.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/kv/coordinator/folders.hpp"

namespace kv {

using beam::error;
using beam::fail;
using beam::result;

namespace {

constexpr unsigned readers_max = 512;
constexpr std::size_t map_size = std::size_t{1} << 30;  // address space only

// LMDB writes to its lock file through a map of it. Where the disk has no room for that, this says so; the write
// would be a SIGBUS. The size is what LMDB gives it: a header, and a line a reader.
int reserve_lock_file(const std::string& file) {
    const beam::unique_fd fd(::open((file + "-lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return errno;
    return ::posix_fallocate(fd.get(), 0, 192 + off_t{64} * (readers_max - 1));
}

}  // namespace

error lmdb_error(int number, const std::string& file) {
    if (number == MDB_MAP_FULL) number = ENOSPC;
    if (number > 0) return system_error(number, file);
    return {"corrupt", file + ": " + ::mdb_strerror(number)};
}

local_environment::~local_environment() {
    if (env) ::mdb_env_close(env);
}

result<void> local_environment::open() {
    int rc = reserve_lock_file(file);
    if (rc == 0) rc = ::mdb_env_create(&env);
    if (rc == 0) rc = ::mdb_env_set_mapsize(env, map_size);
    if (rc == 0) rc = ::mdb_env_set_maxreaders(env, readers_max);
    if (rc == 0) rc = ::mdb_env_open(env, file.c_str(), MDB_NOTLS | MDB_NOSUBDIR, 0600);
    if (rc == 0) rc = check_readers();
    if (rc == 0) rc = open_database();
    if (rc != 0) return tl::unexpected(lmdb_error(rc, file));
    return check_length();
}

int local_environment::check_readers() const {
    int dead = 0;
    return ::mdb_reader_check(env, &dead);
}

int local_environment::descriptor() const {
    int fd = -1;
    ::mdb_env_get_fd(env, &fd);
    return fd;
}

int local_environment::open_database() {
    MDB_txn* txn = nullptr;
    int rc = ::mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn);
    if (rc != 0) return rc;
    rc = ::mdb_dbi_open(txn, nullptr, 0, &database);
    if (rc == 0) return ::mdb_txn_commit(txn);
    ::mdb_txn_abort(txn);
    return rc;
}

// What a file lacks at its end is a SIGBUS to who reads it through the map.
result<void> local_environment::check_length() const {
    MDB_envinfo info{};
    MDB_stat pages{};
    struct stat s {};
    ::mdb_env_info(env, &info);
    ::mdb_env_stat(env, &pages);
    if (::fstat(descriptor(), &s) != 0) return tl::unexpected(system_error(errno, file));
    // A file without a commit has no more than its two first pages, or nothing yet.
    if (pages.ms_entries == 0 ||
        std::uint64_t(s.st_size) >= (info.me_last_pgno + 1) * pages.ms_psize)
        return {};
    return fail("corrupt", file + ": its end is missing");
}

}  // namespace kv
