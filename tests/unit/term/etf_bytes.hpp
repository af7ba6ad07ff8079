// Bytes as hex, for tests of the External Term Format.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "libbeamcore/term/etf.hpp"

/// Spaces do not count.
inline std::string bytes_of(std::string_view hex) {
    std::string bytes, digits;
    for (char c : hex)
        if (c != ' ') digits += c;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += char(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
}

inline std::string hex_of(std::string_view bytes) {
    static const char* const digits = "0123456789abcdef";
    std::string hex;
    for (unsigned char c : bytes) hex += digits[c >> 4], hex += digits[c & 15];
    return hex;
}

inline std::string written(const beam::term& t, const beam::etf::encode_options& options = {}) {
    std::string bytes;
    auto done = beam::etf::encode(t, bytes, options);
    REQUIRE_MESSAGE(done, done.error().code);
    return bytes;
}

inline beam::term read(std::string_view hex, const beam::etf::decode_options& options = {}) {
    auto t = beam::etf::decode(bytes_of(hex), options);
    REQUIRE_MESSAGE(t, t.error().code, " ", t.error().detail);
    return *t;
}
