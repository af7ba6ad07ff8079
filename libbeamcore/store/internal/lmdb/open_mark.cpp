#include "libbeamcore/store/internal/lmdb/open_mark.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam::store::detail {

namespace {

// The file's length is the number: it cannot be half written. It need not survive the machine.
std::string mark_of(const std::string& folder) {
    return folder + "/open";
}

}  // namespace

unsigned lives_cut_off(const std::string& folder) {
    unique_fd fd(::open(mark_of(folder).c_str(), O_RDONLY | O_CLOEXEC));
    const off_t length = fd ? ::lseek(fd.get(), 0, SEEK_END) : 0;
    return unsigned(std::clamp<off_t>(length, 0, cut_off_max));
}

void mark_open(const std::string& folder, unsigned cut_off) {
    unique_fd fd(::open(mark_of(folder).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const off_t length = std::min(cut_off + 1, cut_off_max);
    if (fd && ::ftruncate(fd.get(), length) != 0) ::unlink(mark_of(folder).c_str());
}

void mark_closed(const std::string& folder) {
    ::unlink(mark_of(folder).c_str());
}

}  // namespace beam::store::detail
