#include "tools/common/shown_text.hpp"

#include <cstdio>

namespace beam::tool {
namespace {

void append_escaped(std::string& line, std::string_view bytes) {
    for (const char c : bytes) {
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(c));
        line += escape;
    }
}

bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029;
}

bool turns_text_around(char32_t c) {
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
           c == 0x200F;
}

}  // namespace

decoded_character decode_utf8(std::string_view text) {
    if (text.empty()) return {};
    const auto first = static_cast<unsigned char>(text[0]);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
    if (length == 0 || first > 0xF4 || text.size() < length) return {first, 0};
    char32_t code = first & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xC0) != 0x80) return {first, 0};
        code = code << 6 | (byte & 0x3F);
    }
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return {first, 0};
    return {code, length};
}

std::string shown_text(std::string_view text) {
    std::string line;
    while (!text.empty()) {
        const auto c = decode_utf8(text);
        const auto bytes = text.substr(0, c.length > 0 ? c.length : 1);
        text.remove_prefix(bytes.size());
        if (c.length > 0 && c.code == '\n')
            line += "\\n";
        else if (c.length > 0 && c.code == '\t')
            line += "\\t";
        else if (c.length == 0 || is_control(c.code) || turns_text_around(c.code))
            append_escaped(line, bytes);
        else
            line += bytes;
    }
    return line;
}

}  // namespace beam::tool
