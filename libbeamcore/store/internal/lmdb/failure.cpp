#include "libbeamcore/store/internal/lmdb/failure.hpp"

#include <lmdb.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>

#include "libbeamcore/store/internal/failure.hpp"

namespace beam::store::detail {

namespace {

constexpr std::uint64_t nearly_full = 1 << 20;

bool is_disk_full(const std::string& file) {
    struct statvfs s {};
    return ::statvfs(file.c_str(), &s) == 0 && std::uint64_t(s.f_bavail) * s.f_frsize < nearly_full;
}

// As large as the process may make a file (ulimit -f).
bool is_file_full(const std::string& file) {
    struct rlimit limit {};
    struct stat s {};
    return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           ::stat(file.c_str(), &s) == 0 && std::uint64_t(s.st_size) + nearly_full > limit.rlim_cur;
}

std::string code_of(int number) {
    switch (number) {
        case MDB_CORRUPTED:
        case MDB_PAGE_NOTFOUND:
        case MDB_INVALID:
        case MDB_VERSION_MISMATCH:
        case MDB_INCOMPATIBLE:
        case MDB_PANIC:
            return "corrupt";
        case MDB_BAD_VALSIZE:
            return "bad_size";
        case MDB_DBS_FULL:
            return "too_many_databases";
        case MDB_READERS_FULL:
            return "too_many_readers";
        case MDB_TXN_FULL:
            return "batch_too_big";
        case MDB_MAP_FULL:
            return "map_full";
        default:
            break;
    }
    return number > 0 ? code_of_errno(number) : "lmdb_" + std::to_string(number);
}

}  // namespace

error lmdb_failure(int number, const std::string& file) {
    // LMDB reports a write that was cut short as EIO.
    if (number == EIO && is_disk_full(file)) number = ENOSPC;
    if (number == EIO && is_file_full(file)) number = EFBIG;
    return error{code_of(number), file + ": " + ::mdb_strerror(number)};
}

bool is_fatal(int number) {
    return number == EIO || number == MDB_CORRUPTED || number == MDB_PAGE_NOTFOUND ||
           number == MDB_PANIC;
}

}  // namespace beam::store::detail
