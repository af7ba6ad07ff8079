#include "libbeamcore/store/internal/lmdb/file_check.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/lmdb/cursor.hpp"
#include "libbeamcore/store/internal/lmdb/encoding.hpp"

namespace beam::store::detail {

namespace {

constexpr MDB_dbi free_pages = 0;  // as LMDB's own mdb_stat opens it

// What the file holds up to: pages from `length` on are holes.
struct extent {
    std::uint64_t length;
    std::uint64_t page_size;

    // Each page begins with its number, and a large value lies in consecutive pages behind the first one's
    // header, so where a key or value lies in the map says where it ends in the file.
    [[nodiscard]] bool holds(std::string_view bytes) const {
        const auto at = reinterpret_cast<std::uintptr_t>(bytes.data());
        const auto page = at & ~std::uintptr_t(page_size - 1);
        std::uint64_t number;
        std::memcpy(&number, reinterpret_cast<const void*>(page), sizeof number);
        const std::uint64_t pages = (at - page + bytes.size() + page_size - 1) / page_size;
        return (number + pages) * page_size <= length;
    }
};

template <class F>
int for_each_item(MDB_txn* txn, MDB_dbi dbi, F look) {
    cursor c(txn, dbi);
    int rc = c.status();
    for (rc = rc == 0 ? c.move(MDB_FIRST) : rc; rc == 0; rc = c.move(MDB_NEXT))
        if (int bad = look(c.key(), c.value()); bad != 0) return bad;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int walk(MDB_txn* txn, const extent& file) {
    const auto holds = [&](std::string_view key, std::string_view value) {
        return file.holds(key) && file.holds(value);
    };
    MDB_dbi names = 0;
    if (int rc = ::mdb_dbi_open(txn, nullptr, 0, &names); rc != 0) return rc;
    const int rc =
        for_each_item(txn, free_pages, [&](std::string_view key, std::string_view value) {
            return holds(key, value) ? 0 : MDB_CORRUPTED;
        });
    if (rc != 0) return rc;
    return for_each_item(txn, names, [&](std::string_view name, std::string_view record) {
        if (!holds(name, record)) return MDB_CORRUPTED;
        MDB_dbi dbi = 0;
        const int opened = ::mdb_dbi_open(txn, std::string(name).c_str(), 0, &dbi);
        if (opened == MDB_INCOMPATIBLE) return 0;  // no database of ours
        if (opened != 0) return opened;
        return for_each_item(txn, dbi, [&](std::string_view key, std::string_view value) {
            return holds(key, value) && read_item(key, value) ? 0 : MDB_CORRUPTED;
        });
    });
}

}  // namespace

// A file that lost its end would be noticed by a SIGBUS, at some read. Pages at the end that were allocated
// and given back in one transaction are legally missing, so a short file is read through: the missing
// pages are holes meanwhile, and nothing may lead to one.
result<void> check_length(MDB_env* env, const std::string& file) {
    MDB_envinfo info{};
    MDB_stat stat{};
    ::mdb_env_info(env, &info);
    ::mdb_env_stat(env, &stat);
    const auto needed = off_t(info.me_last_pgno + 1) * off_t(stat.ms_psize);
    struct stat s {};
    if (::stat(file.c_str(), &s) != 0) return failed(errno, file);
    if (s.st_size >= needed) return {};
    unique_fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd || ::ftruncate(fd.get(), needed) != 0) return failed(errno, file);
    MDB_txn* txn = nullptr;
    int rc = ::mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn);
    if (rc == 0) {
        rc = walk(txn, {std::uint64_t(s.st_size), stat.ms_psize});
        ::mdb_txn_abort(txn);
    }
    if (rc == 0) return {};
    // As it was found: whoever repairs it decides.
    if (::ftruncate(fd.get(), s.st_size) != 0)
        log(log_level::warning, "store", "cannot cut", {{"file", file}});
    return fail("corrupt", file + ": has " + std::to_string(s.st_size) + " bytes of " +
                               std::to_string(needed));
}

}  // namespace beam::store::detail
