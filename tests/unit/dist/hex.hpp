// Bytes as they are written in documents.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace test {

/// `6b00 f252`; `"text"` stands for its bytes.
inline std::string from_hex(std::string_view text) {
    std::string bytes;
    unsigned value = 0, digits = 0;
    bool quoted = false;
    for (char c : text) {
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            bytes += c;
        } else if (c != ' ') {
            value = value * 16 + unsigned(c <= '9' ? c - '0' : c - 'a' + 10);
            if (++digits == 2) bytes += char(std::exchange(value, 0)), digits = 0;
        }
    }
    return bytes;
}

}  // namespace test
