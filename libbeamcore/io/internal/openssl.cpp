#include "libbeamcore/io/internal/openssl.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <climits>

namespace beam::io::detail {

namespace {

// Without one, OpenSSL asks at the terminal.
int no_password(char*, int, int, void*) {
    return -1;
}

}  // namespace

std::string openssl_error() {
    const auto code = ::ERR_peek_last_error();
    ::ERR_clear_error();
    const char* text = code ? ::ERR_reason_error_string(code) : nullptr;
    return text ? text : "no reason given";
}

bio_ptr bio_of(std::string_view text) {
    return bio_ptr(
        ::BIO_new_mem_buf(text.data(), int(std::min<std::size_t>(text.size(), INT_MAX))));
}

x509_ptr next_certificate(BIO& from) {
    return x509_ptr(::PEM_read_bio_X509(&from, nullptr, no_password, nullptr));
}

key_ptr read_key(std::string_view pem) {
    const auto from = bio_of(pem);
    return key_ptr(::PEM_read_bio_PrivateKey(from.get(), nullptr, no_password, nullptr));
}

bool is_ip_address(const std::string& host) {
    unsigned char address[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
           ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

}  // namespace beam::io::detail
