#include "tools/kv/coordinator/local_wake.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "libbeamcore/base/random.hpp"
#include "tools/kv/coordinator/folders.hpp"

namespace kv {

using beam::pass;
using beam::result;
using beam::unique_fd;

namespace {

constexpr std::string_view suffix = ".wake";

/// The address of a file in a folder that is open: a socket's path has at most 107 bytes, a folder's more.
sockaddr_un address_of(int folder, const std::string& name) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
    std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
    return a;
}

const sockaddr* as_sockaddr(const sockaddr_un& a) {
    return reinterpret_cast<const sockaddr*>(&a);
}

}  // namespace

result<local_wake> local_wake::open(const std::string& folder, const std::string& node) {
    auto dir = open_folder(folder);
    if (!dir) return pass(dir);
    unique_fd s(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!s) return tl::unexpected(system_error(errno, folder));
    // Never a name that was there before: it is a file's, and stays when its process is killed.
    const std::string name =
        file_name(node) + "-" + beam::secure_random_hex(4) + std::string(suffix);
    const sockaddr_un a = address_of(dir->get(), name);
    if (::bind(s.get(), as_sockaddr(a), sizeof a) != 0)
        return tl::unexpected(system_error(errno, folder + "/" + name));
    return local_wake(*std::move(dir), std::move(s), name);
}

local_wake::~local_wake() {
    if (folder_) ::unlinkat(folder_.get(), name_.c_str(), 0);
}

void local_wake::drain() const {
    char bytes[16];
    while (::recv(socket_.get(), bytes, sizeof bytes, 0) >= 0) {
    }
}

void local_wake::wake_all() const {
    const int again = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (again < 0) return;
    DIR* opened = ::fdopendir(again);
    if (!opened) {
        ::close(again);
        return;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> dir(opened, &::closedir);
    while (const dirent* e = ::readdir(dir.get())) {
        const std::string name(e->d_name);
        if (!std::string_view(name).ends_with(suffix)) continue;
        const sockaddr_un a = address_of(folder_.get(), name);
        // A full queue is one that will be looked at.
        const auto sent = ::sendto(socket_.get(), "", 1, MSG_DONTWAIT, as_sockaddr(a), sizeof a);
        if (sent < 0 && errno == ECONNREFUSED) ::unlinkat(folder_.get(), name.c_str(), 0);
    }
}

}  // namespace kv
