#include "libbeamcore/base/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include "libbeamcore/base/assert.hpp"

namespace beam {

void secure_random(void* bytes, std::size_t size) {
    auto* p = static_cast<unsigned char*>(bytes);
    while (size > 0) {
        auto n = ::getrandom(p, size, 0);
        if (n < 0) {
            beam_assert(errno == EINTR, "the kernel gives random numbers");
            continue;
        }
        p += n;
        size -= static_cast<std::size_t>(n);
    }
}

std::uint64_t secure_random_64() {
    std::uint64_t n = 0;
    secure_random(&n, sizeof n);
    return n;
}

std::string secure_random_hex(std::size_t bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string raw(bytes, '\0');
    secure_random(raw.data(), raw.size());
    std::string out;
    out.reserve(2 * bytes);
    for (unsigned char b : raw) {
        out += digits[b >> 4U];
        out += digits[b & 15U];
    }
    return out;
}

}  // namespace beam
