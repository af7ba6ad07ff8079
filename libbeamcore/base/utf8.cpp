#include "libbeamcore/base/utf8.hpp"

#include <cstdint>

namespace beam {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string& out, std::uint32_t value, int digits_min) {
    int digits = digits_min;
    while (digits < 8 && (value >> (4 * digits)) != 0) ++digits;
    for (int i = digits - 1; i >= 0; --i) out += hex_digits[(value >> (4 * i)) & 15U];
}

/// The lead bytes' table of the Unicode Standard (3-7): how many bytes follow, and the range of the
/// first of them, which is what excludes overlong forms, surrogates and more than U+10FFFF.
struct lead {
    std::size_t following;
    unsigned char low, high;
};

lead lead_of(unsigned char b) {
    if (b < 0xC2) return {0, 0, 0};
    if (b < 0xE0) return {1, 0x80, 0xBF};
    if (b == 0xE0) return {2, 0xA0, 0xBF};
    if (b == 0xED) return {2, 0x80, 0x9F};
    if (b < 0xF0) return {2, 0x80, 0xBF};
    if (b == 0xF0) return {3, 0x90, 0xBF};
    if (b < 0xF4) return {3, 0x80, 0xBF};
    if (b == 0xF4) return {3, 0x80, 0x8F};
    return {0, 0, 0};
}

bool in(char32_t c, char32_t first, char32_t last) {
    return c >= first && c <= last;
}

}  // namespace

utf8_code_point decode_utf8(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return {byte(0), 1, true};
    auto [following, low, high] = lead_of(byte(0));
    if (following == 0) return {};
    char32_t code = byte(0) & (0x3FU >> following);
    for (std::size_t i = 1; i <= following; ++i) {
        if (i == text.size() || byte(i) < low || byte(i) > high)
            return {replacement_character, i, false};
        code = (code << 6U) | (byte(i) & 0x3FU);
        low = 0x80;
        high = 0xBF;
    }
    return {code, following + 1, true};
}

void append_utf8(std::string& text, char32_t code) {
    if (code > 0x10FFFF || in(code, 0xD800, 0xDFFF)) code = replacement_character;
    auto add = [&](char32_t b) { text += static_cast<char>(static_cast<unsigned char>(b)); };
    if (code < 0x80) return add(code);
    if (code < 0x800) {
        add(0xC0 | (code >> 6U));
    } else if (code < 0x10000) {
        add(0xE0 | (code >> 12U));
        add(0x80 | ((code >> 6U) & 0x3F));
    } else {
        add(0xF0 | (code >> 18U));
        add(0x80 | ((code >> 12U) & 0x3F));
        add(0x80 | ((code >> 6U) & 0x3F));
    }
    add(0x80 | (code & 0x3F));
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        auto c = decode_utf8(text);
        if (!c.valid) return false;
        text.remove_prefix(c.length);
    }
    return true;
}

std::size_t utf8_length(std::string_view text) {
    std::size_t n = 0;
    for (; !text.empty(); ++n) text.remove_prefix(decode_utf8(text).length);
    return n;
}

std::string replace_invalid_utf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        auto c = decode_utf8(text);
        append_utf8(out, c.code);
        text.remove_prefix(c.length);
    }
    return out;
}

bool is_printable(char32_t c) {
    if (c < 0x20 || in(c, 0x7F, 0x9F)) return false;
    if (c < 0xAD) return true;
    if (c == 0xAD || c == 0x61C || c == 0x180E || c == 0xFEFF) return false;
    if (in(c, 0x200B, 0x200F) || in(c, 0x2028, 0x202E) || in(c, 0x2060, 0x206F)) return false;
    if (in(c, 0xFFF9, 0xFFFB) || in(c, 0xE0000, 0xE0FFF)) return false;
    if (in(c, 0xD800, 0xDFFF) || in(c, 0xFDD0, 0xFDEF) || (c & 0xFFFE) == 0xFFFE) return false;
    return c <= 0x10FFFF;
}

bool is_printable_utf8(std::string_view text) {
    while (!text.empty()) {
        auto c = decode_utf8(text);
        if (!c.valid || !is_printable(c.code)) return false;
        text.remove_prefix(c.length);
    }
    return true;
}

std::string escape_unprintable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        auto c = decode_utf8(text);
        if (!c.valid) {
            for (std::size_t i = 0; i < c.length; ++i) {
                out += "\\x";
                append_hex(out, static_cast<unsigned char>(text[i]), 2);
            }
        } else if (is_printable(c.code)) {
            out += text.substr(0, c.length);
        } else if (c.code == '\n') {
            out += "\\n";
        } else if (c.code == '\t') {
            out += "\\t";
        } else if (c.code == '\r') {
            out += "\\r";
        } else if (c.code == 0x1B) {
            out += "\\e";
        } else {
            out += "\\x{";
            append_hex(out, c.code, 1);
            out += '}';
        }
        text.remove_prefix(c.length);
    }
    return out;
}

}  // namespace beam
