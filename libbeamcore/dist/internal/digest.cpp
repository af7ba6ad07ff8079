#include "libbeamcore/dist/internal/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdexcept>
#include <string>

namespace beam::dist::detail {

digest digest_of(std::string_view cookie, std::uint32_t challenge) {
    std::string text(cookie);
    text += std::to_string(challenge);
    digest made{};
    unsigned size = 0;
    const int ok =
        ::EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(made.data()), &size,
                     ::EVP_md5(), nullptr);
    ::OPENSSL_cleanse(text.data(), text.size());
    if (ok != 1 || size != digest_size)
        throw std::runtime_error(
            "OpenSSL refuses MD5, which Erlang's handshake is made of (a FIPS mode?)");
    return made;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace beam::dist::detail
