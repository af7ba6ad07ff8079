#include "libbeamcore/dist/cookie.hpp"

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

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace beam::dist {

namespace {

constexpr std::size_t cookie_max = 255;  // it is an atom
constexpr std::size_t cookie_letters = 20;
constexpr std::string_view cookie_file = ".erlang.cookie";

std::string words_of(int number) {
    std::array<char, 128> buffer{};
    return ::strerror_r(number, buffer.data(), buffer.size());
}

std::optional<std::string> home_folder() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    if (const char* home = std::getenv("HOME"); home && *home) return home;
    std::array<char, 4096> buffer{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) != 0 || !found)
        return {};
    return std::string(entry.pw_dir);
}

std::string config_folder(const std::string& home) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets it
    const char* config = std::getenv("XDG_CONFIG_HOME");
    return config && *config == '/' ? config : home + "/.config";
}

bool exists(const std::string& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0;
}

// All of a file up to a size that no cookie has.
std::optional<std::string> read_some(int fd) {
    std::string text;
    std::array<char, 2 * cookie_max> buffer;
    while (text.size() < buffer.size()) {
        const auto n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return {};
        if (n == 0) break;
        text.append(buffer.data(), std::size_t(n));
    }
    return text;
}

result<void> check_file(int fd, const std::string& path) {
    struct stat s {};
    if (::fstat(fd, &s) != 0) return fail("cannot_read", path + ": " + words_of(errno));
    if (!S_ISREG(s.st_mode)) return fail("not_a_file", path + " is no regular file");
    // Root reads what is in the home folder it was given, as `sudo erl` does.
    if (s.st_uid != ::geteuid() && ::geteuid() != 0)
        return fail("not_owner", path + " belongs to another user; try: remove it");
    if ((s.st_mode & 0077) != 0)
        return fail("not_private", "others have access to " + path + "; try: chmod 600 " + path);
    return {};
}

std::string random_letters() {
    std::string text;
    while (text.size() < cookie_letters) {
        std::uint8_t byte = 0;
        secure_random(&byte, sizeof byte);
        // Without the last few all letters are equally likely.
        if (byte < 234) text += char('A' + byte % 26);
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
    return ::fchmod(fd, 0400) == 0 && ::fsync(fd) == 0;
}

// Written whole under another name first, so that nobody reads half of it; link() gives the name to one only.
result<void> create_cookie(const std::string& path) {
    std::string draft = path + ".XXXXXX";
    unique_fd fd(::mkostemp(draft.data(), O_CLOEXEC));
    if (!fd) return fail("cannot_create", path + ": " + words_of(errno));
    int number = write_all(fd.get(), random_letters()) ? 0 : errno;
    if (number == 0 && ::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) number = errno;
    ::unlink(draft.c_str());
    if (number != 0) return fail("cannot_create", path + ": " + words_of(number));
    return {};
}

}  // namespace

bool is_cookie(std::string_view text) {
    return !text.empty() && text.size() <= cookie_max &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

result<std::string> erlang_cookie_path() {
    const auto home = home_folder();
    if (!home) return fail("no_home", "this user has no home folder; try: set HOME");
    std::string usual = *home + "/" + std::string(cookie_file);
    std::string other = config_folder(*home) + "/erlang/" + std::string(cookie_file);
    return !exists(usual) && exists(other) ? other : usual;
}

std::string cluster_cookie_path(std::string_view folder) {
    return std::string(folder) + "/cluster.cookie";
}

result<std::string> read_cookie(const std::string& path) {
    // Opening a pipe must not wait for a writer.
    unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd && errno == ENOENT) return fail("not_found", path + " is not there");
    if (!fd) return fail("cannot_read", path + ": " + words_of(errno));
    if (auto ok = check_file(fd.get(), path); !ok) return pass(ok);
    auto text = read_some(fd.get());
    if (!text) return fail("cannot_read", path + ": " + words_of(errno));
    const auto end = text->find_last_not_of("\r\n");
    text->resize(end == std::string::npos ? 0 : end + 1);
    if (text->empty()) return fail("bad_cookie", path + " is empty; try: remove it");
    if (!is_cookie(*text))
        return fail("bad_cookie",
                    path + " is not one line of up to 255 printable characters; try: remove it");
    return *std::move(text);
}

result<std::string> read_or_create_cookie(const std::string& path) {
    auto there = read_cookie(path);
    if (there || !there.error().is("not_found")) return there;
    if (auto made = create_cookie(path); !made) return pass(made);
    return read_cookie(path);
}

}  // namespace beam::dist
