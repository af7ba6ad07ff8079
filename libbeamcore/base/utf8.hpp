// UTF-8: what is valid, what may be shown on a terminal, and how to make the rest so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam {

inline constexpr char32_t replacement_character = 0xFFFD;

/// One code point of a text and how many bytes it takes. Of what is not valid UTF-8, `code` is
/// U+FFFD, `valid` is false and `length` is that of the longest part that could have begun a code
/// point (at least 1), so that one U+FFFD stands for it, as the Unicode Standard recommends.
struct utf8_code_point {
    char32_t code = replacement_character;
    std::size_t length = 1;
    bool valid = false;
};

/// The code point that `text`, which is not empty, begins with.
[[nodiscard]] BEAM_EXPORT utf8_code_point decode_utf8(std::string_view text);

/// Appends `code`; one that is no Unicode scalar value is appended as U+FFFD.
BEAM_EXPORT void append_utf8(std::string& text, char32_t code);

/// No overlong forms, no surrogates, nothing above U+10FFFF, nothing cut short.
[[nodiscard]] BEAM_EXPORT bool is_valid_utf8(std::string_view text);

/// The number of code points, each invalid part counted as one.
[[nodiscard]] BEAM_EXPORT std::size_t utf8_length(std::string_view text);

/// Each invalid part replaced by U+FFFD.
[[nodiscard]] BEAM_EXPORT std::string replace_invalid_utf8(std::string_view text);

/// False for what a terminal acts on or does not show: control characters, line and paragraph
/// separators, marks that reorder text (bidi), zero-width and invisible format characters,
/// surrogates and noncharacters.
[[nodiscard]] BEAM_EXPORT bool is_printable(char32_t code);

/// Valid UTF-8 of printable code points only.
[[nodiscard]] BEAM_EXPORT bool is_printable_utf8(std::string_view text);

/// `text` made safe to show: what is not printable becomes \n, \t, \r, \e or \x{HEX}, bytes that are
/// not UTF-8 become \xHH. A backslash stays as it is: this is for eyes, not for reading back.
[[nodiscard]] BEAM_EXPORT std::string escape_unprintable(std::string_view text);

}  // namespace beam
