#include "libbeamcore/dist/cookie.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/dist/internal/private_file.hpp"

namespace beam::dist {

namespace {

constexpr std::size_t cookie_max = 255;  // it is an atom
constexpr std::size_t cookie_letters = 20;
constexpr std::string_view cookie_file = ".erlang.cookie";

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

bool write_cookie(int fd) {
    return detail::write_all(fd, random_letters()) && ::fchmod(fd, 0400) == 0 && ::fsync(fd) == 0;
}

// Written whole under another name first, so that nobody reads half of it; link() gives the name to one only.
result<void> create_cookie(const std::string& path) {
    std::string draft = path + ".XXXXXX";
    unique_fd fd(::mkostemp(draft.data(), O_CLOEXEC));
    if (!fd) return fail("cannot_create", path + ": " + detail::error_text(errno));
    int number = write_cookie(fd.get()) ? 0 : errno;
    if (number == 0 && ::link(draft.c_str(), path.c_str()) != 0 && errno != EEXIST) number = errno;
    ::unlink(draft.c_str());
    if (number != 0) return fail("cannot_create", path + ": " + detail::error_text(number));
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
    auto text = detail::read_private_file(path, 2 * cookie_max);
    if (!text) return pass(text);
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
