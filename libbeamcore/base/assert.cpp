#include "libbeamcore/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace beam::detail {

void assert_failed(const char* condition, const char* why, const char* file, int line) noexcept {
    // stdio and not the logger, which may be what broke.
    std::fprintf(stderr, "%s:%d: assertion failed: %s (%s)\n", file, line, why, condition);
    std::fflush(stderr);
    std::abort();
}

}  // namespace beam::detail
