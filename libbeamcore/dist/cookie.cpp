#include "libbeamcore/dist/cookie.hpp"

#include <sys/stat.h>

#include <algorithm>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/internal/private_file.hpp"

namespace beam::dist {

namespace {

constexpr std::size_t cookie_max = 255;  // it is an atom
constexpr std::size_t cookie_letters = 20;
constexpr std::string_view cookie_file = ".erlang.cookie";

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

}  // namespace

bool is_cookie(std::string_view text) {
    return !text.empty() && text.size() <= cookie_max &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

result<std::string> erlang_cookie_path() {
    const auto home = detail::home_folder();
    if (!home) return home;
    std::string usual = *home + "/" + std::string(cookie_file);
    const auto config = detail::config_home();
    if (!config) return usual;
    std::string other = *config + "/erlang/" + std::string(cookie_file);
    return !exists(usual) && exists(other) ? other : usual;
}

std::string cluster_cookie_path(std::string_view folder) {
    return std::string(folder) + "/cluster.cookie";
}

result<std::string> read_cookie(const std::string& path) {
    auto text = detail::read_private_file(path, 2 * cookie_max);
    if (!text) return text;
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
    if (auto made = detail::create_private_file(path, random_letters()); !made) return pass(made);
    return read_cookie(path);
}

}  // namespace beam::dist
