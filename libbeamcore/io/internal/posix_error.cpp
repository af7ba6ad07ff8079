#include "libbeamcore/io/internal/posix_error.hpp"

#include <cstring>

namespace beam::io::detail {

std::string posix_code(int number) {
    const char* name = ::strerrorname_np(number);
    if (!name) return "errno_" + std::to_string(number);
    std::string code(name);
    for (char& c : code)
        if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    return code;
}

atom posix_atom(int number) {
    return atom(posix_code(number));
}

tl::unexpected<error> fail_posix(int number, std::string_view what) {
    char buffer[128];
    std::string detail(::strerror_r(number, buffer, sizeof buffer));
    if (!what.empty()) detail = std::string(what) + ": " + detail;
    return fail(posix_code(number), std::move(detail));
}

}  // namespace beam::io::detail
