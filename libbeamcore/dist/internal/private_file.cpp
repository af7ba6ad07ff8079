#include "libbeamcore/dist/internal/private_file.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam::dist::detail {

namespace {

std::optional<std::string> read_up_to(int fd, std::size_t size_max) {
    std::string text;
    std::array<char, 4096> buffer;
    while (text.size() < size_max) {
        const auto n = ::read(fd, buffer.data(), std::min(buffer.size(), size_max - text.size()));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return {};
        if (n == 0) break;
        text.append(buffer.data(), std::size_t(n));
    }
    return text;
}

enum class access { any, own };

result<void> check_file(int fd, const std::string& path, access who) {
    struct stat s {};
    if (::fstat(fd, &s) != 0) return fail("cannot_read", path + ": " + words_of(errno));
    if (!S_ISREG(s.st_mode)) return fail("not_a_file", path + " is no regular file");
    if (who == access::any) return {};
    // Root reads what is in the home folder it was given, as `sudo erl` does.
    if (s.st_uid != ::geteuid() && ::geteuid() != 0)
        return fail("not_owner", path + " belongs to another user; try: remove it");
    if ((s.st_mode & 0077) != 0)
        return fail("not_private", "others have access to " + path + "; try: chmod 600 " + path);
    return {};
}

result<std::string> read_checked(const std::string& path, std::size_t size_max, access who) {
    // Opening a pipe must not wait for a writer.
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd && errno == ENOENT) return fail("not_found", path + " is not there");
    if (!fd) return fail("cannot_read", path + ": " + words_of(errno));
    if (auto ok = check_file(fd.get(), path, who); !ok) return pass(ok);
    auto text = read_up_to(fd.get(), size_max);
    if (!text) return fail("cannot_read", path + ": " + words_of(errno));
    return *std::move(text);
}

bool write_all(int fd, std::string_view text, mode_t mode) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(std::size_t(n));
    }
    return ::fchmod(fd, mode) == 0 && ::fsync(fd) == 0;
}

// Written whole under another name first, so that nobody reads half of it. `settle` gives it its own.
template <class Settle>
result<void> write_draft(const std::string& path, std::string_view text, mode_t mode,
                         Settle settle) {
    std::string draft = path + ".XXXXXX";
    unique_fd fd(::mkostemp(draft.data(), O_CLOEXEC));
    if (!fd) return fail("cannot_create", path + ": " + words_of(errno));
    int number = write_all(fd.get(), text, mode) ? 0 : errno;
    if (number == 0 && settle(draft.c_str(), path.c_str()) != 0) number = errno;
    ::unlink(draft.c_str());
    if (number != 0 && number != EEXIST)
        return fail("cannot_create", path + ": " + words_of(number));
    return {};
}

}  // namespace

std::string words_of(int number) {
    std::array<char, 128> buffer{};
    return ::strerror_r(number, buffer.data(), buffer.size());
}

result<std::string> read_file(const std::string& path, std::size_t size_max) {
    return read_checked(path, size_max, access::any);
}
result<std::string> read_private_file(const std::string& path, std::size_t size_max) {
    return read_checked(path, size_max, access::own);
}

result<void> write_private_file(const std::string& path, std::string_view text) {
    return write_draft(path, text, 0600, ::rename);
}

result<void> create_private_file(const std::string& path, std::string_view text) {
    // link() gives the name to one only.
    return write_draft(path, text, 0400, ::link);
}

result<std::string> home_folder() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    if (const char* home = std::getenv("HOME"); home && *home) return home;
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return fail("no_home", "this user has no home folder; try: set HOME");
    return std::string(entry.pw_dir);
}

result<std::string> config_home() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    if (const char* config = std::getenv("XDG_CONFIG_HOME"); config && *config == '/')
        return config;
    auto home = home_folder();
    if (!home) return home;
    return *home + "/.config";
}

}  // namespace beam::dist::detail
