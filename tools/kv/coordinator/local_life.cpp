#include "tools/kv/coordinator/local_life.hpp"

#include <fcntl.h>

#include <cerrno>
#include <map>
#include <mutex>

#include "tools/kv/coordinator/folders.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;
using beam::unique_fd;

namespace {

constexpr off_t name_byte = 0;

/// An offset is 63 bits wide; two lives of one node share a byte by chance only.
off_t life_byte(std::uint64_t incarnation) {
    return 1 + off_t(incarnation >> 2U);
}

struct flock one_byte(short kind, off_t at) {
    struct flock l {};
    l.l_type = kind;
    l.l_whence = SEEK_SET;
    l.l_start = at;
    l.l_len = 1;
    return l;
}

bool lock(int fd, off_t at) {
    struct flock l = one_byte(F_WRLCK, at);
    int rc;
    do rc = ::fcntl(fd, F_OFD_SETLK, &l);
    while (rc != 0 && errno == EINTR);
    return rc == 0;
}

void unlock_all_but_name(int fd) {
    struct flock l = one_byte(F_UNLCK, name_byte + 1);
    l.l_len = 0;  // to the end
    (void)::fcntl(fd, F_OFD_SETLK, &l);
}

/// The lives of this OS process, by file: one whose object is gone has its lock here.
struct kept_life {
    bool has_object = false;
    unique_fd fd{};
};
std::mutex lives_mutex;
std::map<std::string, kept_life>& lives() {
    static auto* const all = new std::map<std::string, kept_life>;  // not closed at exit
    return *all;
}

/// The lock, if it is held in this OS process by nobody whom this code knows: by an earlier version of it.
unique_fd taken_over(int refused) {
    for (const int other : other_descriptors(refused)) {
        unique_fd mine(::fcntl(other, F_DUPFD_CLOEXEC, 0));
        // Only who has the lock already gets it.
        if (mine && lock(mine.get(), name_byte)) return mine;
    }
    return {};
}

std::string lock_file_of(const std::string& folder, const std::string& node) {
    return folder + "/members/" + file_name(node) + ".lock";
}

}  // namespace

result<local_life> local_life::begin(const std::string& folder, const std::string& node,
                                     std::uint64_t incarnation) {
    if (auto made = open_folder(folder + "/members"); !made) return pass(made);
    const std::string file = lock_file_of(folder, node);
    std::lock_guard guard(lives_mutex);
    kept_life& kept = lives()[file];
    if (kept.has_object) return fail("name_taken", node);
    unique_fd fd = std::move(kept.fd);
    if (!fd) {
        fd.reset(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) return tl::unexpected(system_error(errno, file));
        if (!lock(fd.get(), name_byte)) {
            if (errno != EAGAIN && errno != EACCES)
                return tl::unexpected(system_error(errno, file));
            fd = taken_over(fd.get());
            if (!fd) return fail("name_taken", node);
        }
    }
    unlock_all_but_name(fd.get());
    if (!lock(fd.get(), life_byte(incarnation))) return tl::unexpected(system_error(errno, file));
    kept.has_object = true;
    return local_life(file, std::move(fd));
}

local_life::~local_life() {
    if (!fd_) return;
    std::lock_guard guard(lives_mutex);
    lives()[file_] = kept_life{false, std::move(fd_)};
}

void local_life::end() {
    if (!fd_) return;
    std::lock_guard guard(lives_mutex);
    lives().erase(file_);
    // Other descriptors of it may be open still.
    struct flock all = one_byte(F_UNLCK, 0);
    all.l_len = 0;
    (void)::fcntl(fd_.get(), F_OFD_SETLK, &all);
    fd_.reset();
}

bool local_life::may_go_on(const std::string& folder, const std::string& node,
                           std::uint64_t incarnation) {
    const std::string file = lock_file_of(folder, node);
    unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd) return true;
    struct flock l = one_byte(F_RDLCK, life_byte(incarnation));
    if (::fcntl(fd.get(), F_OFD_GETLK, &l) != 0) return true;
    return l.l_type != F_UNLCK;
}

}  // namespace kv
