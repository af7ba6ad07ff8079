#include "libbeamcore/node/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace beam {

result<lock_file> lock_file::take(const std::string& path) {
    // The file may be deleted between open and flock: then the lock is on a file nobody sees.
    for (int attempt = 0; attempt < 10; ++attempt) {
        lock_file lock;
        lock.path_ = path;
        lock.fd_.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!lock.fd_) return fail("cannot_open", path + ": " + std::strerror(errno));
        if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return fail("held", path);
            if (errno == EINTR) continue;
            return fail("cannot_open", path + ": " + std::strerror(errno));
        }
        if (lock.is_in_place()) return lock;
    }
    return fail("cannot_open", path + ": it is deleted again and again");
}

lock_file lock_file::adopt(int fd, std::string path) {
    lock_file lock;
    lock.fd_.reset(fd);
    lock.path_ = std::move(path);
    return lock;
}

bool lock_file::is_in_place() const {
    struct stat mine {
    }, there{};
    return ::fstat(fd_.get(), &mine) == 0 && ::stat(path_.c_str(), &there) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

}  // namespace beam
