#include "libbeamcore/store/internal/rocksdb/unsynced_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "libbeamcore/base/boot_id.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/folder.hpp"

namespace beam::store::detail {

namespace {

constexpr std::string_view synced = "synced";

std::string mark_of(const std::string& folder) {
    return folder + "/unsynced";
}

}  // namespace

bool unsynced_mark::may_have_holes() const {
    return !boot.empty() && boot != boot_id();
}

unsynced_mark find_unsynced_mark(const std::string& folder) {
    unsynced_mark found;
    if (::access(mark_of(folder).c_str(), F_OK) != 0) return found;
    std::ifstream file(mark_of(folder));
    std::getline(file, found.boot);
    std::getline(file, found.loss);
    if (found.boot.empty()) found.boot = no_boot;
    if (found.boot == synced) found.boot.clear();
    return found;
}

// Written beside and renamed: there is the old one or the new one.
result<void> set_unsynced_mark(const std::string& folder, const unsynced_mark& mark) {
    const std::string name = mark_of(folder), fresh = name + ".new";
    if (!mark.is_needed()) {
        if (::unlink(name.c_str()) != 0)
            return errno == ENOENT ? result<void>{} : failed(errno, name);
        return sync_path(folder);
    }
    const std::string text =
        (mark.boot.empty() ? std::string(synced) : mark.boot) + "\n" + mark.loss + "\n";
    const unique_fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), text.data(), text.size()) != ssize_t(text.size()) ||
        ::fsync(file.get()) != 0 || std::rename(fresh.c_str(), name.c_str()) != 0)
        return failed(errno, name);
    return sync_path(folder);
}

}  // namespace beam::store::detail
