#include "libbeamcore/base/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace std::string_literals;
using namespace beam;

TEST_CASE("every scalar value survives encoding and decoding") {
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c == 0xD800) c = 0xE000;
        std::string text;
        append_utf8(text, c);
        auto d = decode_utf8(text);
        if (d.code != c || !d.valid || d.length != text.size()) {
            CAPTURE(static_cast<unsigned>(c));
            FAIL_CHECK("not the same code point");
        }
    }
}

TEST_CASE("no surrogate and nothing above U+10FFFF is encoded") {
    for (char32_t c : {0xD800, 0xDFFF, 0x110000}) {
        std::string text;
        append_utf8(text, c);
        CHECK(text == "\xEF\xBF\xBD");
    }
}

TEST_CASE("what is not UTF-8 is recognised") {
    for (auto good : {""s, "abc"s, "\0"s, "\xC3\xA9"s, "\xE2\x82\xAC"s, "\xF0\x9F\x98\x80"s})
        CHECK(is_valid_utf8(good));
    for (auto bad : {"\x80"s, "\xC0\x80"s, "\xC1\xBF"s, "\xE0\x80\x80"s, "\xED\xA0\x80"s,
                     "\xF0\x80\x80\x80"s, "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s, "\xFF"s,
                     "\xE2\x82"s, "\xF0\x9F\x98"s, "\xC3"s, "a\xE2(\xA1"s})
        CHECK_FALSE(is_valid_utf8(bad));
}

TEST_CASE("one replacement stands for the longest part that could have begun a code point") {
    // The example of the Unicode Standard, table 3-8.
    CHECK(replace_invalid_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64") ==
          "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
          "b\xEF\xBF\xBD"
          "c\xEF\xBF\xBD\xEF\xBF\xBD"
          "d");
    CHECK(replace_invalid_utf8("gr\xC3\xBC\xC3\x9F") == "gr\xC3\xBC\xC3\x9F");
    CHECK(utf8_length("gr\xC3\xBC\xC3\x9F\xFF") == 5);
}

TEST_CASE("what a terminal would act on, or would not show, is not printable") {
    for (char32_t c : {U'a', U'~', U' ', U'\u00E9', U'\u20AC', U'\U0001F600', U'\u00A0'})
        CHECK(is_printable(c));
    for (char32_t c :
         {0x0,    0x7,    0xA,    0x1B,   0x7F,   0x80,   0x9B,   0xAD,    0x200B,  0x200E,
          0x2028, 0x202E, 0x2066, 0xFEFF, 0xFFFE, 0xD800, 0xFDD0, 0x1FFFF, 0xE0001, 0x110000})
        CHECK_FALSE(is_printable(c));
    CHECK(is_printable_utf8("general"));
    CHECK(is_printable_utf8(""));
    CHECK_FALSE(is_printable_utf8("gen\teral"));
    CHECK_FALSE(is_printable_utf8("gen\xFF"));
}

TEST_CASE("escaped text has nothing left that is not printable") {
    CHECK(escape_unprintable("a\nb\tc\rd") == "a\\nb\\tc\\rd");
    CHECK(escape_unprintable("\x1B[31m") == "\\e[31m");
    CHECK(escape_unprintable("\x07") == "\\x{7}");
    CHECK(escape_unprintable("\xE2\x80\xAE") == "\\x{202e}");
    CHECK(escape_unprintable("\xFF\xC3") == "\\xff\\xc3");
    CHECK(escape_unprintable("\0x"s) == "\\x{0}x");
    CHECK(escape_unprintable("gr\xC3\xBC\xC3\x9F C:\\") == "gr\xC3\xBC\xC3\x9F C:\\");
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    CHECK(is_printable_utf8(escape_unprintable(all)));
}
