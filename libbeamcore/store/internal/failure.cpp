#include "libbeamcore/store/internal/failure.hpp"

#include <cstring>
#include <system_error>

namespace beam::store::detail {

std::string code_of_errno(int number) {
    const char* name = number > 0 ? ::strerrorname_np(number) : nullptr;
    if (!name) return "errno_" + std::to_string(number);
    std::string code(name);
    for (char& c : code)
        if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
    return code;
}

tl::unexpected<error> failed(int number, const std::string& file) {
    return fail(code_of_errno(number), file + ": " + std::generic_category().message(number));
}

}  // namespace beam::store::detail
