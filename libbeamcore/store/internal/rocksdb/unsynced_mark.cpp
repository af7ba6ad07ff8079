#include "libbeamcore/store/internal/rocksdb/unsynced_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string_view>

#include "libbeamcore/base/boot_id.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/folder.hpp"

namespace beam::store::detail {

namespace {

constexpr std::string_view lost_word = "lost";

std::string mark_of(const std::string& folder) {
    return folder + "/unsynced";
}

}  // namespace

unsynced_mark find_unsynced_mark(const std::string& folder) {
    unsynced_mark found;
    found.is_there = ::access(mark_of(folder).c_str(), F_OK) == 0;
    if (!found.is_there) return found;
    std::ifstream file(mark_of(folder));
    std::string boot, word;
    std::getline(file, boot);
    std::getline(file, word);
    found.is_of_this_boot = !boot.empty() && boot == boot_id();
    found.has_lost = word == lost_word;
    return found;
}

// Half written it is of another start: then a log is looked at more closely than need be.
result<void> set_unsynced_mark(const std::string& folder, bool has_lost) {
    const std::string name = mark_of(folder);
    std::string text = boot_id() + "\n";
    if (has_lost) text.append(lost_word).append("\n");
    const unique_fd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || ::write(file.get(), text.data(), text.size()) != ssize_t(text.size()) ||
        ::fsync(file.get()) != 0)
        return failed(errno, name);
    return sync_path(folder);
}

void remove_unsynced_mark(const std::string& folder) {
    ::unlink(mark_of(folder).c_str());
}

}  // namespace beam::store::detail
