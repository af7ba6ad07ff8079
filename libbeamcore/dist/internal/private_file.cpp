#include "libbeamcore/dist/internal/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam::dist::detail {

namespace {

result<void> check_private(int fd, const std::string& path) {
    struct stat s {};
    if (::fstat(fd, &s) != 0) return fail("cannot_read", path + ": " + error_text(errno));
    if (!S_ISREG(s.st_mode)) return fail("not_a_file", path + " is no regular file");
    // Root reads what is in the home folder it was given, as `sudo erl` does.
    if (s.st_uid != ::geteuid() && ::geteuid() != 0)
        return fail("not_owner", path + " belongs to another user; try: remove it");
    if ((s.st_mode & 0077) != 0)
        return fail("not_private", "others have access to " + path + "; try: chmod 600 " + path);
    return {};
}

}  // namespace

std::string error_text(int number) {
    std::array<char, 128> buffer{};
    return ::strerror_r(number, buffer.data(), buffer.size());
}

result<std::string> read_private_file(const std::string& path, std::size_t max) {
    // Opening a pipe must not wait for a writer.
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd && errno == ENOENT) return fail("not_found", path + " is not there");
    if (!fd) return fail("cannot_read", path + ": " + error_text(errno));
    if (auto ok = check_private(fd.get(), path); !ok) return pass(ok);
    std::string text;
    std::array<char, 512> buffer;
    while (text.size() <= max) {
        const auto n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail("cannot_read", path + ": " + error_text(errno));
        if (n == 0) break;
        text.append(buffer.data(), std::size_t(n));
    }
    return text;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(std::size_t(n));
    }
    return true;
}

}  // namespace beam::dist::detail
