#include "tools/kv/coordinator/folders.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "libbeamcore/base/hash.hpp"

namespace kv {

using beam::fail;
using beam::result;

beam::error system_error(int number, const std::string& file) {
    const char* name = ::strerrorname_np(number);
    std::string code = name ? name : "errno_" + std::to_string(number);
    for (char& c : code)
        if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    return {std::move(code), file + ": " + std::strerror(number)};
}

result<beam::unique_fd> open_folder(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return tl::unexpected(system_error(errno, path));
    beam::unique_fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return tl::unexpected(system_error(errno, path));
    return fd;
}

bool is_of_network(long kind) {
    // Those that <linux/magic.h> does not name are from statfs(2). FUSE may be anything, sshfs too.
    constexpr unsigned lustre = 0x0bd00bd0, gfs2 = 0x01161970, ocfs2 = 0x7461636f,
                       beegfs = 0x19830326;
    constexpr std::array<unsigned, 15> kinds{NFS_SUPER_MAGIC,
                                             SMB_SUPER_MAGIC,
                                             CIFS_SUPER_MAGIC,
                                             SMB2_SUPER_MAGIC,
                                             V9FS_MAGIC,
                                             AFS_SUPER_MAGIC,
                                             AFS_FS_MAGIC,
                                             CODA_SUPER_MAGIC,
                                             NCP_SUPER_MAGIC,
                                             CEPH_SUPER_MAGIC,
                                             FUSE_SUPER_MAGIC,
                                             lustre,
                                             gfs2,
                                             ocfs2,
                                             beegfs};
    // The kernel's type is signed and of another width on some machines.
    return std::find(kinds.begin(), kinds.end(), unsigned(kind)) != kinds.end();
}

result<void> check_file_system(const std::string& path) {
    struct statfs s {};
    if (::statfs(path.c_str(), &s) != 0) return tl::unexpected(system_error(errno, path));
    if (!is_of_network(long(s.f_type))) return {};
    return fail("bad_file_system",
                path + ": is on a file system of other machines, where locks prove nothing");
}

std::vector<int> other_descriptors(int fd) {
    std::vector<int> found;
    struct stat mine {};
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/fd"), &::closedir);
    if (!dir || ::fstat(fd, &mine) != 0) return found;
    while (const dirent* e = ::readdir(dir.get())) {
        const int other = std::atoi(e->d_name);
        struct stat its {};
        if (e->d_name[0] == '.' || other == fd || ::fstat(other, &its) != 0) continue;
        if (its.st_dev == mine.st_dev && its.st_ino == mine.st_ino) found.push_back(other);
    }
    return found;
}

std::string file_name(const std::string& node) {
    constexpr std::size_t longest = 60;
    if (node.size() <= longest) return node;
    return node.substr(0, 40) + "~" + std::to_string(beam::xxh3_64(node));
}

}  // namespace kv
