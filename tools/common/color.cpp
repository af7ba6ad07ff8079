#include "tools/common/color.hpp"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace beam::tool {
namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

bool is_forced(const char* name) {
    const auto value = environment(name);
    return !value.empty() && value != "0";
}

}  // namespace

bool wants_color_on(color_when when, bool is_tty) {
    if (when != color_when::automatic) return when == color_when::always;
    if (is_forced("CLICOLOR_FORCE") || is_forced("FORCE_COLOR")) return true;
    return is_tty && environment("TERM") != "dumb" && environment("NO_COLOR").empty();
}

bool wants_color(color_when when, int fd) {
    return wants_color_on(when, when == color_when::automatic && ::isatty(fd) == 1);
}

}  // namespace beam::tool
